// convgrad.h: each function hands on to the one of convgrad.hpp that does the same.
#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "c_api/versioned.hpp"

using namespace convgrad;

// The opaque structs of the header.
struct convgrad_plan {
  Plan plan;
};
struct convgrad_packed_kernel {
  PackedKernel kernel;
};

namespace {

struct Message {
  char* text;
  size_t bytes;
};

convgrad_status report(const Status& status, Message message) noexcept {
  if (!status.ok() && message.text != nullptr && message.bytes > 0) {
    const size_t length = std::min(std::strlen(status.message()), message.bytes - 1);
    std::memcpy(message.text, status.message(), length);
    message.text[length] = '\0';
  }
  return static_cast<convgrad_status>(status.code());
}

// An empty plan and an empty kernel, for null handles: what they are used for then says that they are empty.
const Plan& plan_of(const convgrad_plan* handle) noexcept {
  static const Plan empty;
  return handle == nullptr ? empty : handle->plan;
}
const PackedKernel& kernel_of(const convgrad_packed_kernel* handle) noexcept {
  static const PackedKernel empty;
  return handle == nullptr ? empty : handle->kernel;
}

// A null view counts as a view of a null pointer.
ConstView view_of(const convgrad_const_view* from) noexcept {
  ConstView view;
  if (from == nullptr) return view;
  view.data = from->data;
  std::copy(from->strides, from->strides + max_rank, view.strides.begin());
  return view;
}
View view_of(const convgrad_view* from) noexcept {
  View view;
  if (from == nullptr) return view;
  view.data = from->data;
  std::copy(from->strides, from->strides + max_rank, view.strides.begin());
  return view;
}

}  // namespace

convgrad_status convgrad_output_size(const convgrad_problem* problem, int64_t size[CONVGRAD_MAX_SPATIAL_RANK],
                                     char* message, size_t message_bytes) {
  if (size == nullptr) return report(Status::invalid("size: the pointer is null"), {message, message_bytes});
  Problem read;
  std::array<std::int64_t, max_spatial_rank> result{};
  Status status = c_api::read_problem(problem, read);
  if (status.ok()) status = output_size(read, result);
  if (status.ok()) std::copy_n(result.begin(), read.spatial_rank, size);
  return report(status, {message, message_bytes});
}

convgrad_status convgrad_make_plan(int32_t pass, const convgrad_problem* problem, const convgrad_options* options,
                                   convgrad_plan** plan, char* message, size_t message_bytes) {
  if (plan == nullptr) return report(Status::invalid("plan: the pointer is null"), {message, message_bytes});
  *plan = nullptr;
  if (pass < CONVGRAD_FORWARD || pass > CONVGRAD_GRAD_INPUT)
    return report(Status::invalid("pass: unknown code %d", static_cast<int>(pass)), {message, message_bytes});
  Problem read;
  PlanOptions read_options;
  Plan made;
  Status status = c_api::read_problem(problem, read);
  if (status.ok()) status = c_api::read_options(options, read_options);
  if (status.ok()) status = Plan::make(static_cast<Pass>(pass), read, read_options, made);
  if (status.ok()) {
    *plan = new (std::nothrow) convgrad_plan{std::move(made)};
    if (*plan == nullptr) status = Status::out_of_memory(sizeof(convgrad_plan));
  }
  return report(status, {message, message_bytes});
}

void convgrad_free_plan(convgrad_plan* plan) { delete plan; }

int32_t convgrad_plan_pass(const convgrad_plan* plan) {
  return plan == nullptr ? -1 : static_cast<int32_t>(plan->plan.pass());
}
int32_t convgrad_plan_algorithm(const convgrad_plan* plan) {
  return plan == nullptr ? -1 : static_cast<int32_t>(plan->plan.algorithm());
}
const char* convgrad_plan_isa(const convgrad_plan* plan) { return plan == nullptr ? "" : plan->plan.isa(); }
int convgrad_plan_threads(const convgrad_plan* plan) { return plan == nullptr ? 0 : plan->plan.threads(); }
double convgrad_plan_flops(const convgrad_plan* plan) { return plan == nullptr ? 0 : plan->plan.flops(); }
size_t convgrad_plan_workspace_bytes(const convgrad_plan* plan) {
  return plan == nullptr ? 0 : plan->plan.workspace_bytes();
}
void convgrad_plan_output_size(const convgrad_plan* plan, int64_t size[CONVGRAD_MAX_SPATIAL_RANK]) {
  if (size == nullptr) return;
  for (int a = 0; a < max_spatial_rank; ++a)
    size[a] = plan == nullptr ? 0 : plan->plan.output_size()[static_cast<std::size_t>(a)];
}

convgrad_status convgrad_pack_kernel(const convgrad_plan* plan, const convgrad_const_view* kernel,
                                     convgrad_packed_kernel** packed, char* message, size_t message_bytes) {
  if (packed == nullptr) return report(Status::invalid("packed: the pointer is null"), {message, message_bytes});
  *packed = nullptr;
  PackedKernel made;
  Status status = PackedKernel::make(plan_of(plan), view_of(kernel), made);
  if (status.ok()) {
    *packed = new (std::nothrow) convgrad_packed_kernel{std::move(made)};
    if (*packed == nullptr) status = Status::out_of_memory(sizeof(convgrad_packed_kernel));
  }
  return report(status, {message, message_bytes});
}

void convgrad_free_packed_kernel(convgrad_packed_kernel* packed) { delete packed; }

convgrad_status convgrad_forward(const convgrad_plan* plan, const convgrad_const_view* input,
                                 const convgrad_const_view* kernel, const void* bias, int64_t bias_stride,
                                 const convgrad_view* output, void* workspace, size_t workspace_bytes, char* message,
                                 size_t message_bytes) {
  return report(forward(plan_of(plan), view_of(input), view_of(kernel), bias, bias_stride, view_of(output),
                        {workspace, workspace_bytes}),
                {message, message_bytes});
}

convgrad_status convgrad_forward_packed(const convgrad_plan* plan, const convgrad_const_view* input,
                                        const convgrad_packed_kernel* kernel, const void* bias, int64_t bias_stride,
                                        const convgrad_view* output, void* workspace, size_t workspace_bytes,
                                        char* message, size_t message_bytes) {
  return report(forward(plan_of(plan), view_of(input), kernel_of(kernel), bias, bias_stride, view_of(output),
                        {workspace, workspace_bytes}),
                {message, message_bytes});
}

convgrad_status convgrad_grad_kernel(const convgrad_plan* plan, const convgrad_const_view* grad_output,
                                     const convgrad_const_view* input, const convgrad_view* grad_kernel,
                                     void* workspace, size_t workspace_bytes, char* message, size_t message_bytes) {
  return report(convgrad::grad_kernel(plan_of(plan), view_of(grad_output), view_of(input), view_of(grad_kernel),
                                      {workspace, workspace_bytes}),
                {message, message_bytes});
}

convgrad_status convgrad_grad_input(const convgrad_plan* plan, const convgrad_const_view* grad_output,
                                    const convgrad_const_view* kernel, const convgrad_view* grad_input, void* workspace,
                                    size_t workspace_bytes, char* message, size_t message_bytes) {
  return report(convgrad::grad_input(plan_of(plan), view_of(grad_output), view_of(kernel), view_of(grad_input),
                                     {workspace, workspace_bytes}),
                {message, message_bytes});
}

convgrad_status convgrad_grad_input_packed(const convgrad_plan* plan, const convgrad_const_view* grad_output,
                                           const convgrad_packed_kernel* kernel, const convgrad_view* grad_input,
                                           void* workspace, size_t workspace_bytes, char* message,
                                           size_t message_bytes) {
  return report(convgrad::grad_input(plan_of(plan), view_of(grad_output), kernel_of(kernel), view_of(grad_input),
                                     {workspace, workspace_bytes}),
                {message, message_bytes});
}

convgrad_status convgrad_grad_bias(int32_t data_type, int32_t spatial_rank, int64_t batch, int64_t out_channels,
                                   const int64_t* size, const convgrad_const_view* grad_output, void* grad_bias,
                                   int64_t grad_bias_stride, const convgrad_options* options, char* message,
                                   size_t message_bytes) {
  if (size == nullptr) return report(Status::invalid("size: the pointer is null"), {message, message_bytes});
  PlanOptions read_options;
  Status status = c_api::read_options(options, read_options);
  if (status.ok()) {
    std::array<std::int64_t, max_spatial_rank> sizes{1, 1, 1};
    std::copy_n(size, std::clamp(spatial_rank, 0, max_spatial_rank), sizes.begin());
    status = convgrad::grad_bias(static_cast<DataType>(data_type), spatial_rank, batch, out_channels, sizes,
                                 view_of(grad_output), grad_bias, grad_bias_stride, read_options);
  }
  return report(status, {message, message_bytes});
}

convgrad_status convgrad_set_num_threads(int threads) { return report(set_num_threads(threads), {nullptr, 0}); }
int convgrad_get_num_threads(void) { return get_num_threads(); }

convgrad_status convgrad_active_isa(const char** name, char* message, size_t message_bytes) {
  if (name == nullptr) return report(Status::invalid("name: the pointer is null"), {message, message_bytes});
  return report(active_isa(name), {message, message_bytes});
}
const char* convgrad_built_isas(void) { return built_isas(); }
const char* convgrad_supported_isas(void) { return supported_isas(); }
const char* convgrad_version(void) { return version(); }
int convgrad_bits_version(void) { return bits_version(); }
