/* The C interface from C11: the worked example through every function, versions of the structs, and errors. */
#include <convgrad/convgrad.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures = 0;

static void check_that(int holds, const char* what, int line) {
  if (holds) return;
  ++failures;
  fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, line, what);
}
#define CHECK(condition) check_that((condition), #condition, __LINE__)

static const float V[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
static const float K[4] = {1, 2, 3, 4};
static const float G[4] = {2, 3, 5, 7};
static const convgrad_const_view input = {V, {9, 9, 3, 1, 0}};
static const convgrad_const_view kernel = {K, {4, 4, 2, 1, 0}};
static const convgrad_const_view grad_output = {G, {4, 4, 2, 1, 0}};
static char message[256];

static convgrad_problem worked_example(void) {
  convgrad_problem problem;
  CHECK(convgrad_init_problem(&problem, sizeof problem) == CONVGRAD_OK);
  problem.input_size[0] = problem.input_size[1] = 3;
  problem.kernel_size[0] = problem.kernel_size[1] = 2;
  return problem;
}

static convgrad_plan* make_plan(int32_t pass) {
  const convgrad_problem problem = worked_example();
  convgrad_plan* plan = NULL;
  CHECK(convgrad_make_plan(pass, &problem, NULL, &plan, message, sizeof message) == CONVGRAD_OK);
  CHECK(plan != NULL);
  CHECK(convgrad_plan_pass(plan) == pass);
  return plan;
}

static void test_forward(void) {
  const float bias[1] = {100};
  float Z[4] = {0};
  int64_t size[CONVGRAD_MAX_SPATIAL_RANK] = {0};
  const convgrad_view output = {Z, {4, 4, 2, 1, 0}};
  convgrad_plan* plan = make_plan(CONVGRAD_FORWARD);
  convgrad_packed_kernel* packed = NULL;
  const size_t bytes = (convgrad_plan_workspace_bytes(plan) + 63) / 64 * 64;
  void* workspace = aligned_alloc(64, bytes);

  CHECK(convgrad_plan_algorithm(plan) == CONVGRAD_GEMM);
  CHECK(convgrad_plan_threads(plan) == 1);
  CHECK(convgrad_plan_flops(plan) == 2 * 4 * 4);
  CHECK(strlen(convgrad_plan_isa(plan)) > 0);
  convgrad_plan_output_size(plan, size);
  CHECK(size[0] == 2 && size[1] == 2);

  CHECK(convgrad_forward(plan, &input, &kernel, NULL, 0, &output, NULL, 0, message, sizeof message) == CONVGRAD_OK);
  CHECK(Z[0] == 37 && Z[1] == 47 && Z[2] == 67 && Z[3] == 77);
  CHECK(convgrad_forward(plan, &input, &kernel, bias, 1, &output, workspace, bytes, NULL, 0) == CONVGRAD_OK);
  CHECK(Z[0] == 137 && Z[3] == 177);
  CHECK(convgrad_pack_kernel(plan, &kernel, &packed, message, sizeof message) == CONVGRAD_OK);
  CHECK(convgrad_forward_packed(plan, &input, packed, NULL, 0, &output, workspace, bytes, NULL, 0) == CONVGRAD_OK);
  CHECK(Z[0] == 37 && Z[3] == 77);

  free(workspace);
  convgrad_free_packed_kernel(packed);
  convgrad_free_plan(plan);
}

static void test_gradients(void) {
  float dK[4] = {0};
  float dV[9] = {0};
  float db[1] = {0};
  const int64_t size[2] = {2, 2};
  const convgrad_view grad_kernel = {dK, {4, 4, 2, 1, 0}};
  const convgrad_view grad_input = {dV, {9, 9, 3, 1, 0}};
  convgrad_packed_kernel* packed = NULL;

  convgrad_plan* plan = make_plan(CONVGRAD_GRAD_KERNEL);
  CHECK(convgrad_grad_kernel(plan, &grad_output, &input, &grad_kernel, NULL, 0, NULL, 0) == CONVGRAD_OK);
  CHECK(dK[0] == 1 * 2 + 2 * 3 + 4 * 5 + 5 * 7);
  CHECK(convgrad_pack_kernel(plan, &kernel, &packed, message, sizeof message) == CONVGRAD_INVALID);
  CHECK(packed == NULL);
  convgrad_free_plan(plan);

  plan = make_plan(CONVGRAD_GRAD_INPUT);
  CHECK(convgrad_grad_input(plan, &grad_output, &kernel, &grad_input, NULL, 0, NULL, 0) == CONVGRAD_OK);
  CHECK(dV[0] == 1 * 2 && dV[4] == 4 * 2 + 3 * 3 + 2 * 5 + 1 * 7);
  dV[4] = 0;
  CHECK(convgrad_pack_kernel(plan, &kernel, &packed, NULL, 0) == CONVGRAD_OK);
  CHECK(convgrad_grad_input_packed(plan, &grad_output, packed, &grad_input, NULL, 0, NULL, 0) == CONVGRAD_OK);
  CHECK(dV[4] == 4 * 2 + 3 * 3 + 2 * 5 + 1 * 7);
  convgrad_free_packed_kernel(packed);
  convgrad_free_plan(plan);

  CHECK(convgrad_grad_bias(CONVGRAD_FLOAT32, 2, 1, 1, size, &grad_output, db, 1, NULL, NULL, 0) == CONVGRAD_OK);
  CHECK(db[0] == 17);
}

/* A program that was compiled with a later version, whose struct has one more member. */
struct later_problem {
  convgrad_problem known;
  int64_t unknown;
};

static void test_versions(void) {
  struct later_problem later;
  convgrad_problem problem;
  int64_t size[CONVGRAD_MAX_SPATIAL_RANK];
  CHECK(convgrad_init_problem(&problem, 8) == CONVGRAD_INVALID);
  CHECK(convgrad_init_problem(NULL, sizeof problem) == CONVGRAD_INVALID);
  CHECK(convgrad_init_problem(&later.known, sizeof later) == CONVGRAD_OK);
  CHECK(later.unknown == 0);
  CHECK(convgrad_output_size(&later.known, size, message, sizeof message) == CONVGRAD_OK);
  CHECK(size[0] == 1 && size[1] == 1);
  later.unknown = 1;
  CHECK(convgrad_output_size(&later.known, size, message, sizeof message) == CONVGRAD_UNSUPPORTED);
  memset(&problem, 0, sizeof problem);
  CHECK(convgrad_output_size(&problem, size, message, sizeof message) == CONVGRAD_INVALID);
  CHECK(strstr(message, "convgrad_init_problem") != NULL);
}

static void backwards(void* context, int workers, void (*body)(void* argument, int worker), void* argument) {
  int worker;
  ++*(int*)context;
  for (worker = workers - 1; worker >= 0; --worker) body(argument, worker);
}

static void test_options(void) {
  enum { channels = 16, side = 64 };
  static float images[channels * side * side];
  static float weights[channels * channels * 9];
  static float results[channels * (side - 2) * (side - 2)];
  const convgrad_const_view from = {images, {0, side * side, side, 1, 0}};
  const convgrad_const_view by = {weights, {channels * 9, 9, 3, 1, 0}};
  const convgrad_view to = {results, {0, (side - 2) * (side - 2), side - 2, 1, 0}};
  int loops = 0;
  convgrad_plan* plan = NULL;
  convgrad_options options;
  convgrad_problem problem = worked_example();
  problem.in_channels = problem.out_channels = channels;
  problem.input_size[0] = problem.input_size[1] = side;
  problem.kernel_size[0] = problem.kernel_size[1] = 3;
  CHECK(convgrad_init_options(&options, sizeof options) == CONVGRAD_OK);
  options.threads = 3;
  options.parallel = backwards;
  options.parallel_context = &loops;
  images[0] = 1;
  weights[0] = 5;
  CHECK(convgrad_make_plan(CONVGRAD_FORWARD, &problem, &options, &plan, message, sizeof message) == CONVGRAD_OK);
  CHECK(convgrad_plan_threads(plan) == 3);
  CHECK(convgrad_forward(plan, &from, &by, NULL, 0, &to, NULL, 0, NULL, 0) == CONVGRAD_OK);
  CHECK(loops > 0);
  CHECK(results[0] == 5 && results[1] == 0);
  convgrad_free_plan(plan);
  options.algorithm = CONVGRAD_REFERENCE;
  CHECK(convgrad_make_plan(CONVGRAD_FORWARD, &problem, &options, &plan, message, sizeof message) == CONVGRAD_OK);
  CHECK(convgrad_plan_algorithm(plan) == CONVGRAD_REFERENCE);
  convgrad_free_plan(plan);
}

static void test_errors(void) {
  char short_message[12];
  float Z[4] = {-1, -1, -1, -1};
  const convgrad_view output = {Z, {4, 4, 2, 1, 0}};
  const char* isa = NULL;
  convgrad_plan* plan = NULL;
  convgrad_problem problem = worked_example();
  problem.kernel_size[0] = 4;
  CHECK(convgrad_make_plan(CONVGRAD_FORWARD, &problem, NULL, &plan, message, sizeof message) == CONVGRAD_INVALID);
  CHECK(plan == NULL);
  CHECK(strstr(message, "kernel_size") != NULL);
  convgrad_plan_output_size(NULL, NULL);
  CHECK(convgrad_init_problem(NULL, sizeof problem) == CONVGRAD_INVALID);
  CHECK(convgrad_init_problem(&problem, sizeof problem - 1) == CONVGRAD_INVALID);
  CHECK(convgrad_init_problem(&problem, SIZE_MAX) == CONVGRAD_INVALID);
  problem.struct_size = SIZE_MAX;
  CHECK(convgrad_make_plan(CONVGRAD_FORWARD, &problem, NULL, &plan, NULL, 0) == CONVGRAD_INVALID);
  problem.struct_size = sizeof problem;
  CHECK(convgrad_make_plan(CONVGRAD_FORWARD, &problem, NULL, &plan, short_message, sizeof short_message) ==
        CONVGRAD_INVALID);
  CHECK(strcmp(short_message, "kernel_size") == 0);
  CHECK(convgrad_make_plan(7, &problem, NULL, &plan, NULL, 0) == CONVGRAD_INVALID);
  CHECK(convgrad_make_plan(CONVGRAD_FORWARD, NULL, NULL, &plan, NULL, 0) == CONVGRAD_INVALID);
  CHECK(convgrad_make_plan(CONVGRAD_FORWARD, &problem, NULL, NULL, NULL, 0) == CONVGRAD_INVALID);
  CHECK(convgrad_forward(NULL, &input, &kernel, NULL, 0, &output, NULL, 0, NULL, 0) == CONVGRAD_INVALID);
  CHECK(convgrad_plan_threads(NULL) == 0 && convgrad_plan_pass(NULL) == -1);
  convgrad_free_plan(NULL);
  convgrad_free_packed_kernel(NULL);

  plan = make_plan(CONVGRAD_FORWARD);
  CHECK(convgrad_forward(plan, NULL, &kernel, NULL, 0, &output, NULL, 0, NULL, 0) == CONVGRAD_INVALID);
  CHECK(convgrad_forward(plan, &input, &kernel, NULL, 0, NULL, NULL, 0, NULL, 0) == CONVGRAD_INVALID);
  CHECK(convgrad_forward_packed(plan, &input, NULL, NULL, 0, &output, NULL, 0, NULL, 0) == CONVGRAD_INVALID);
  CHECK(convgrad_grad_input(plan, &input, &kernel, &output, NULL, 0, NULL, 0) == CONVGRAD_INVALID);
  CHECK(Z[0] == -1);
  convgrad_free_plan(plan);

  CHECK(convgrad_set_num_threads(0) == CONVGRAD_INVALID);
  CHECK(convgrad_set_num_threads(2) == CONVGRAD_OK);
  CHECK(convgrad_get_num_threads() == 2);
  CHECK(convgrad_active_isa(&isa, message, sizeof message) == CONVGRAD_OK);
  CHECK(strstr(convgrad_supported_isas(), isa) != NULL);
  CHECK(strstr(convgrad_built_isas(), "baseline") != NULL);
  CHECK(strlen(convgrad_version()) >= 5);
  CHECK(convgrad_bits_version() >= 1);
}

int main(void) {
  test_forward();
  test_gradients();
  test_versions();
  test_options();
  test_errors();
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
