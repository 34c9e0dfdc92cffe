/* convgrad for C, and through C for every other language: the same library as convgrad.hpp, which says what the passes
 * compute.
 *
 * A function that can fail returns a convgrad_status and takes a `message` buffer of `message_bytes` as its last
 * arguments (null and 0 = not wanted). On failure it holds a text that names the argument, what it got and what was
 * expected, cut where the buffer ends; 256 bytes are enough. On success it is left alone.
 *
 * Structs that may grow begin with their size: set them up with their convgrad_init_ function, then change what
 * differs. A program that was compiled with an older or newer convgrad.h than the library is understood, or told what
 * it asked for in vain. */
#ifndef CONVGRAD_CONVGRAD_H
#define CONVGRAD_CONVGRAD_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define CONVGRAD_C_API
#else
#define CONVGRAD_C_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Status codes. *Invalid* means that no implementation could ever serve the request, *unsupported* that this one does
 * not. */
typedef int32_t convgrad_status;
#define CONVGRAD_OK 0
#define CONVGRAD_INVALID 1
#define CONVGRAD_UNSUPPORTED 2
#define CONVGRAD_OUT_OF_MEMORY 3

/* Passes. */
#define CONVGRAD_FORWARD 0
#define CONVGRAD_GRAD_KERNEL 1
#define CONVGRAD_GRAD_INPUT 2

/* Data types. */
#define CONVGRAD_FLOAT32 0
#define CONVGRAD_FLOAT64 1

/* Algorithms. */
#define CONVGRAD_AUTOMATIC 0
#define CONVGRAD_GEMM 1
#define CONVGRAD_REFERENCE 2

#define CONVGRAD_MAX_SPATIAL_RANK 3
#define CONVGRAD_MAX_RANK 5

/* The sizes of one convolutional layer. Of the arrays the first `spatial_rank` values count. */
typedef struct convgrad_problem {
  size_t struct_size;
  int32_t data_type;
  int32_t spatial_rank; /* 1, 2 or 3 */
  int64_t batch;
  int64_t in_channels;
  int64_t out_channels;
  int64_t groups; /* divides both numbers of channels; K has in_channels / groups input channels */
  int64_t input_size[CONVGRAD_MAX_SPATIAL_RANK];
  int64_t kernel_size[CONVGRAD_MAX_SPATIAL_RANK];
  int64_t stride[CONVGRAD_MAX_SPATIAL_RANK];
  int64_t dilation[CONVGRAD_MAX_SPATIAL_RANK];
  int64_t padding_before[CONVGRAD_MAX_SPATIAL_RANK]; /* zeros */
  int64_t padding_after[CONVGRAD_MAX_SPATIAL_RANK];
} convgrad_problem;

/* Calls body(argument, worker) once for each worker 0 .. workers - 1, on any threads and in any order, one after the
 * other if need be, and returns when all calls have. */
typedef void (*convgrad_parallel)(void* context, int workers, void (*body)(void* argument, int worker), void* argument);

typedef struct convgrad_options {
  size_t struct_size;
  int32_t algorithm;
  int32_t threads;            /* at most this many workers, 1 to 1024; 0 = convgrad_get_num_threads() */
  convgrad_parallel parallel; /* a program's own loop; null = OpenMP, or one thread without it */
  void* parallel_context;     /* handed to `parallel`; must live as long as the plan */
} convgrad_options;

/* A tensor in memory: a pointer to its first element and one stride per axis, counted in elements; strides may be zero
 * or negative. Axes: (batch, channel, spatial...) for V, Z and G; (out, in / groups, kernel...) for K and dK. These two
 * never grow. */
typedef struct convgrad_const_view {
  const void* data;
  int64_t strides[CONVGRAD_MAX_RANK];
} convgrad_const_view;
typedef struct convgrad_view {
  void* data;
  int64_t strides[CONVGRAD_MAX_RANK];
} convgrad_view;

/* What will run for one pass of one problem. Immutable, to be shared between threads freely. */
typedef struct convgrad_plan convgrad_plan;
/* A kernel in the form in which one plan reads it; owns its copy. Immutable, to be shared between threads freely. */
typedef struct convgrad_packed_kernel convgrad_packed_kernel;

/* One image of one channel, one output channel, two spatial axes of size 1, float32, stride and dilation 1, no padding.
 * `struct_size` is sizeof(convgrad_problem); a null pointer, less than the first version had and more than 4096 are
 * invalid. What a later version's header has beyond this one's is set to zero. */
CONVGRAD_C_API convgrad_status convgrad_init_problem(convgrad_problem* problem, size_t struct_size);
/* Everything automatic. */
CONVGRAD_C_API convgrad_status convgrad_init_options(convgrad_options* options, size_t struct_size);

/* The spatial sizes of Z into size[0 .. spatial_rank - 1]. */
CONVGRAD_C_API convgrad_status convgrad_output_size(const convgrad_problem* problem,
                                                    int64_t size[CONVGRAD_MAX_SPATIAL_RANK], char* message,
                                                    size_t message_bytes);

/* `options` may be null. On success *plan is a new plan, to be freed; otherwise null. */
CONVGRAD_C_API convgrad_status convgrad_make_plan(int32_t pass, const convgrad_problem* problem,
                                                  const convgrad_options* options, convgrad_plan** plan, char* message,
                                                  size_t message_bytes);
CONVGRAD_C_API void convgrad_free_plan(convgrad_plan* plan); /* null is allowed */

/* Of a plan that is null: -1, "", or 0. */
CONVGRAD_C_API int32_t convgrad_plan_pass(const convgrad_plan* plan);
CONVGRAD_C_API int32_t convgrad_plan_algorithm(const convgrad_plan* plan); /* never automatic */
CONVGRAD_C_API const char* convgrad_plan_isa(const convgrad_plan* plan);   /* lives as long as the library */
CONVGRAD_C_API int convgrad_plan_threads(const convgrad_plan* plan);
CONVGRAD_C_API double convgrad_plan_flops(const convgrad_plan* plan); /* 2 x multiplications */
CONVGRAD_C_API size_t convgrad_plan_workspace_bytes(const convgrad_plan* plan);
CONVGRAD_C_API void convgrad_plan_output_size(const convgrad_plan* plan, int64_t size[CONVGRAD_MAX_SPATIAL_RANK]);

/* A copy of K for a plan of forward or grad_input. On success *packed is new, to be freed; otherwise null. */
CONVGRAD_C_API convgrad_status convgrad_pack_kernel(const convgrad_plan* plan, const convgrad_const_view* kernel,
                                                    convgrad_packed_kernel** packed, char* message,
                                                    size_t message_bytes);
CONVGRAD_C_API void convgrad_free_packed_kernel(convgrad_packed_kernel* packed); /* null is allowed */

/* The passes. `workspace` is scratch memory of at least convgrad_plan_workspace_bytes(plan), aligned to 64 bytes; null
 * = the call allocates its own, otherwise it allocates nothing. Runs at the same time need one each. Results must not
 * overlap an operand. `bias` has one value per output channel at element stride `bias_stride`; null = none. */
CONVGRAD_C_API convgrad_status convgrad_forward(const convgrad_plan* plan, const convgrad_const_view* input,
                                                const convgrad_const_view* kernel, const void* bias,
                                                int64_t bias_stride, const convgrad_view* output, void* workspace,
                                                size_t workspace_bytes, char* message, size_t message_bytes);
CONVGRAD_C_API convgrad_status convgrad_forward_packed(const convgrad_plan* plan, const convgrad_const_view* input,
                                                       const convgrad_packed_kernel* kernel, const void* bias,
                                                       int64_t bias_stride, const convgrad_view* output,
                                                       void* workspace, size_t workspace_bytes, char* message,
                                                       size_t message_bytes);
CONVGRAD_C_API convgrad_status convgrad_grad_kernel(const convgrad_plan* plan, const convgrad_const_view* grad_output,
                                                    const convgrad_const_view* input, const convgrad_view* grad_kernel,
                                                    void* workspace, size_t workspace_bytes, char* message,
                                                    size_t message_bytes);
CONVGRAD_C_API convgrad_status convgrad_grad_input(const convgrad_plan* plan, const convgrad_const_view* grad_output,
                                                   const convgrad_const_view* kernel, const convgrad_view* grad_input,
                                                   void* workspace, size_t workspace_bytes, char* message,
                                                   size_t message_bytes);
CONVGRAD_C_API convgrad_status convgrad_grad_input_packed(const convgrad_plan* plan,
                                                          const convgrad_const_view* grad_output,
                                                          const convgrad_packed_kernel* kernel,
                                                          const convgrad_view* grad_input, void* workspace,
                                                          size_t workspace_bytes, char* message, size_t message_bytes);
/* The sum of G over batch and pixels. `size` are G's spatial sizes; `options` may be null, its algorithm says nothing.
 */
CONVGRAD_C_API convgrad_status convgrad_grad_bias(int32_t data_type, int32_t spatial_rank, int64_t batch,
                                                  int64_t out_channels, const int64_t* size,
                                                  const convgrad_const_view* grad_output, void* grad_bias,
                                                  int64_t grad_bias_stride, const convgrad_options* options,
                                                  char* message, size_t message_bytes);

/* Threads used by plans made from now on: OMP_NUM_THREADS or the processors at first. Invalid when
 * below 1 or above 1024. */
CONVGRAD_C_API convgrad_status convgrad_set_num_threads(int threads);
CONVGRAD_C_API int convgrad_get_num_threads(void);

/* The kernel set in use; CONVGRAD_ISA in the environment forces one, and a name that is unknown or that this processor
 * cannot run is invalid. So is a CONVGRAD_CACHE_MIB, the size of the last-level cache, that is no number. */
CONVGRAD_C_API convgrad_status convgrad_active_isa(const char** name, char* message, size_t message_bytes);
CONVGRAD_C_API const char* convgrad_built_isas(void);     /* comma-separated, best first */
CONVGRAD_C_API const char* convgrad_supported_isas(void); /* those that this processor can run */
CONVGRAD_C_API const char* convgrad_version(void);        /* "major.minor.patch" */
CONVGRAD_C_API int convgrad_bits_version(void);           /* the same number: the same bits in results */

#ifdef __cplusplus
}
#endif

#endif
