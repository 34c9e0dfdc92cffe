// convgrad: the convolutional layer on the CPU, its forward pass and both gradients.
//
// Describe the layer as a Problem, make a Plan from it once, then run the plan as often as you like on raw
// pointers with element strides. Nothing here throws, prints or aborts: every failure is a Status. A run that is given
// a workspace allocates nothing.
//
// convgrad/tensor.hpp has the three passes as one call each, convgrad/convgrad.h the same library for C.
//
// V is the input, K the kernel, Z the output, G = dJ/dZ the gradient arriving from the next layer, s the stride
// (indices from 1, one image, no padding):
//
//   (1) forward      Z[i,j,k]    = sum_{l,m,n} V[l, (j-1)s+m, (k-1)s+n] K[i,l,m,n]
//   (2) grad_kernel  dK[i,j,k,l] = sum_{m,n}   G[i,m,n] V[j, (m-1)s+k, (n-1)s+l]
//   (3) grad_input   dV[i,j,k]   = sum over l,m with (l-1)s+m = j, over n,p with (n-1)s+p = k, over q
//                                  of K[q,i,m,p] G[q,l,n]
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#if defined(_WIN32)
#define CONVGRAD_API
#else
#define CONVGRAD_API __attribute__((visibility("default")))
#endif

namespace convgrad {

/// Up to three spatial axes: (width), (height, width) or (depth, height, width).
inline constexpr int max_spatial_rank = 3;
inline constexpr int max_rank = max_spatial_rank + 2;

enum class Pass : int { forward = 0, grad_kernel = 1, grad_input = 2 };
enum class DataType : int { float32 = 0, float64 = 1 };
enum class Algorithm : int { automatic = 0, gemm = 1, reference = 2 };

/// *invalid* means that no implementation could ever serve the request, *unsupported* that this one does not.
enum class StatusCode : int { ok = 0, invalid = 1, unsupported = 2, out_of_memory = 3 };

/// A code and a message that names the argument, what it got and what it wanted. Holds its text itself: no allocation.
class CONVGRAD_API Status {
 public:
  Status() noexcept { message_[0] = '\0'; }  // the rest stays as it is: success must cost nothing
  [[nodiscard]] bool ok() const noexcept { return code_ == StatusCode::ok; }
  [[nodiscard]] StatusCode code() const noexcept { return code_; }
  [[nodiscard]] const char* message() const noexcept { return message_; }

  /// printf-style; longer texts are cut.
  static Status invalid(const char* format, ...) noexcept __attribute__((format(printf, 1, 2)));
  static Status unsupported(const char* format, ...) noexcept __attribute__((format(printf, 1, 2)));
  static Status out_of_memory(std::size_t bytes) noexcept;

 private:
  StatusCode code_ = StatusCode::ok;
  char message_[288];
};

/// The sizes of one convolutional layer, and nothing about memory. Per-axis arrays hold `spatial_rank` values from
/// the front; the rest is ignored.
struct Problem {
  DataType data_type = DataType::float32;
  int spatial_rank = 2;
  std::int64_t batch = 1;
  std::int64_t in_channels = 1;
  std::int64_t out_channels = 1;
  std::int64_t groups = 1;  ///< divides in_channels and out_channels; K has in_channels / groups input channels
  std::array<std::int64_t, max_spatial_rank> input_size{1, 1, 1};
  std::array<std::int64_t, max_spatial_rank> kernel_size{1, 1, 1};
  std::array<std::int64_t, max_spatial_rank> stride{1, 1, 1};
  std::array<std::int64_t, max_spatial_rank> dilation{1, 1, 1};
  std::array<std::int64_t, max_spatial_rank> padding_before{0, 0, 0};
  std::array<std::int64_t, max_spatial_rank> padding_after{0, 0, 0};
};

/// Output size of one axis: floor((input + before + after - (kernel - 1) dilation - 1) / stride) + 1.
/// Invalid when a value is out of range, when the kernel does not fit into the padded input, or on overflow.
CONVGRAD_API Status output_size(const Problem& problem, std::array<std::int64_t, max_spatial_rank>& size) noexcept;

/// A tensor in memory: a pointer to its first element and one stride per axis, counted in elements; strides may be
/// zero or negative. Axis order: (batch, channel, *spatial) for V, Z and G; (out, in / groups, *kernel) for K and dK.
template <class Pointer>
struct BasicView {
  Pointer data = nullptr;
  std::array<std::int64_t, max_rank> strides{};
};
using View = BasicView<void*>;
using ConstView = BasicView<const void*>;

/// A program's own parallel loop, for one that has threads already and wants no OpenMP beside them.
struct Parallel {
  /// Must call body(argument, worker) once for each worker 0 .. workers - 1, on any threads and in any order, one after
  /// the other if need be; return when all calls have; and throw nothing. Null = OpenMP, or one thread without it.
  void (*run)(void* context, int workers, void (*body)(void* argument, int worker), void* argument) = nullptr;
  void* context = nullptr;  ///< handed to `run`; must live as long as the plan
};

struct PlanOptions {
  Algorithm algorithm = Algorithm::automatic;
  /// For tests and for measuring: one way of the algorithm by name, which Plan::describe tells and csrc/README.md
  /// draws. Unsupported where it cannot serve the pass. Null = the one that is estimated to be the fastest.
  const char* way = nullptr;
  int threads = 0;    ///< at most this many workers, 1024 at most; 0 = get_num_threads(). Results do not depend on it.
  Parallel parallel;  ///< who runs them
};

/// What will run for one pass of one problem: immutable once made, to be shared between threads freely. A plan that was
/// not made, or was moved from, is empty: running it is an error, asking it anything but data() is undefined.
class CONVGRAD_API Plan {
 public:
  Plan() noexcept;
  ~Plan();
  Plan(Plan&& other) noexcept;
  Plan& operator=(Plan&& other) noexcept;
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  /// Invalid: the problem makes no sense. Unsupported: the algorithm asked for cannot serve it, and the message says
  /// why.
  static Status make(Pass pass, const Problem& problem, const PlanOptions& options, Plan& plan) noexcept;

  [[nodiscard]] Pass pass() const noexcept;
  [[nodiscard]] const Problem& problem() const noexcept;
  [[nodiscard]] Algorithm algorithm() const noexcept;          ///< never `automatic`
  [[nodiscard]] const char* isa() const noexcept;              ///< "avx512", "avx2", "neon" or "baseline"
  [[nodiscard]] int threads() const noexcept;                  ///< as many as are worth starting
  [[nodiscard]] double flops() const noexcept;                 ///< 2 x multiplications, taps on padding counted
  [[nodiscard]] std::size_t workspace_bytes() const noexcept;  ///< for one run; runs at the same time need one each
  /// Spatial sizes of Z.
  [[nodiscard]] const std::array<std::int64_t, max_spatial_rank>& output_size() const noexcept;

  /// c of the bound |error| <= c eps sqrt(terms) S that every element of the result keeps.
  [[nodiscard]] double error_constant() const noexcept;

  /// What was chosen and why, in a few lines for a person: the first thing to read about a slow layer. Like snprintf,
  /// it writes at most `size` bytes, the last of them 0, and returns how long the text is. The wording may change.
  std::size_t describe(char* text, std::size_t size) const noexcept;

  struct Data;
  [[nodiscard]] const Data* data() const noexcept { return data_; }  ///< null = empty

 private:
  Data* data_ = nullptr;
};

/// A kernel in the form in which one plan reads it, for weights that stay the same from call to call: what a run would
/// otherwise do to them each time is done once. It owns a copy: the kernel that it was made from may change or go away.
/// Immutable once made, to be shared between threads freely. The bits of the results are the same.
class CONVGRAD_API PackedKernel {
 public:
  PackedKernel() noexcept;
  ~PackedKernel();
  PackedKernel(PackedKernel&& other) noexcept;
  PackedKernel& operator=(PackedKernel&& other) noexcept;
  PackedKernel(const PackedKernel&) = delete;
  PackedKernel& operator=(const PackedKernel&) = delete;

  /// Invalid: the plan is empty or of grad_kernel, or the kernel's pointer is null. Out of memory: for the copy.
  static Status make(const Plan& plan, const ConstView& kernel, PackedKernel& packed) noexcept;

  [[nodiscard]] std::size_t bytes() const noexcept;  ///< of memory that it owns

  struct Data;
  [[nodiscard]] const Data* data() const noexcept { return data_; }  ///< null = empty

 private:
  Data* data_ = nullptr;
};

/// Scratch memory of at least `plan.workspace_bytes()`, aligned to 64 bytes. With none, run allocates its own.
struct Workspace {
  void* data = nullptr;
  std::size_t bytes = 0;
};

/// Z (and a bias, one value per output channel at element stride `bias_stride`; null = none). Results must not overlap
/// an operand, here and below. Invalid: the plan is empty or of another pass, a pointer to something that is not empty
/// is null, or the workspace is too small or not aligned; nothing is written then. Out of memory: for a workspace that
/// the caller did not give.
CONVGRAD_API Status forward(const Plan& plan, const ConstView& input, const ConstView& kernel, const void* bias,
                            std::int64_t bias_stride, const View& output, Workspace workspace = {}) noexcept;
/// dK from G and V.
CONVGRAD_API Status grad_kernel(const Plan& plan, const ConstView& grad_output, const ConstView& input,
                                const View& grad_kernel, Workspace workspace = {}) noexcept;
/// dV from G and K.
CONVGRAD_API Status grad_input(const Plan& plan, const ConstView& grad_output, const ConstView& kernel,
                               const View& grad_input, Workspace workspace = {}) noexcept;
/// The same with a packed kernel. Invalid: it is empty, or was packed for another plan.
CONVGRAD_API Status forward(const Plan& plan, const ConstView& input, const PackedKernel& kernel, const void* bias,
                            std::int64_t bias_stride, const View& output, Workspace workspace = {}) noexcept;
CONVGRAD_API Status grad_input(const Plan& plan, const ConstView& grad_output, const PackedKernel& kernel,
                               const View& grad_input, Workspace workspace = {}) noexcept;
/// db: the sum of G over batch and pixels, one value per channel, added in a fixed order. `size` are G's spatial sizes;
/// of the options, `algorithm` says nothing here. Invalid: a size is negative or a pointer null.
CONVGRAD_API Status grad_bias(DataType data_type, int spatial_rank, std::int64_t batch, std::int64_t out_channels,
                              const std::array<std::int64_t, max_spatial_rank>& size, const ConstView& grad_output,
                              void* grad_bias, std::int64_t grad_bias_stride, const PlanOptions& options = {}) noexcept;

/// Threads used by plans made from now on: OMP_NUM_THREADS or the processors at first, 1 to 1024. Invalid: others.
CONVGRAD_API Status set_num_threads(int threads) noexcept;
CONVGRAD_API int get_num_threads() noexcept;

/// The kernel set in use. CONVGRAD_ISA in the environment forces one; every plan made reports a name that is unknown or
/// that this processor cannot run. So it does with a CONVGRAD_CACHE_MIB, the size in MiB of the last-level cache, that
/// is no number: results of more than three quarters of it go around the caches.
CONVGRAD_API Status active_isa(const char** name) noexcept;
/// Comma-separated names of the kernel sets that were compiled in, and of those that this processor can run, best
/// first.
CONVGRAD_API const char* built_isas() noexcept;
CONVGRAD_API const char* supported_isas() noexcept;
CONVGRAD_API const char* version() noexcept;
/// Counts the changes of results. Libraries with the same number give the same bits for the same operands with any
/// kernel set that has a fused multiply-add, and with the same kernel set otherwise; with another number, sums may have
/// been added in another order. Not for Algorithm::reference, nor for the sign of a zero that comes of underflow.
CONVGRAD_API int bits_version() noexcept;

/// The fused multiply-add rate that no kernel can pass, of `threads` threads at the same time, measured now with the
/// active kernel set, in FLOP/s: the fastest of several rounds. Invalid: threads < 1 or > 1024.
CONVGRAD_API Status measure_peak_flops(DataType data_type, int threads, double& flops) noexcept;

/// How fast memory serves `threads` threads that stream at the same time, measured now, in bytes/s: STREAM's triad
/// a[i] = b[i] + s c[i] over three arrays beyond the caches, 384 MiB or more together, the fastest of several rounds.
/// As in STREAM, two reads and one write count; that a processor may fetch the line that it is about to overwrite does
/// not. Invalid: threads < 1 or > 1024. Out of memory: for the arrays.
CONVGRAD_API Status measure_bandwidth(int threads, double& bytes_per_second) noexcept;

/// One of the numbers that only speed depends on, as it is for the kernel set in use.
struct TuningNumber {
  const char* name;
  const char* unit;
  const char* trades;  ///< what a larger or smaller one costs and gains
  double value;
};
/// For measuring: number 0, 1, 2 ... of the table. False beyond its end.
CONVGRAD_API bool tuning_number(int index, TuningNumber& number) noexcept;
/// For measuring: plans that are made from now on use this value. Not while another thread makes or runs a plan. A null
/// name sets all numbers back. Invalid: there is no such number.
CONVGRAD_API Status set_tuning_number(const char* name, double value) noexcept;

/// Where the time of runs goes, in seconds. A phase ends where another begins, so that they add up to the time between
/// a run's begin and end.
struct PhaseSeconds {
  double packing_weights = 0;  ///< K, into the order in which it is read
  double packing_input = 0;    ///< V and G: padded strips, panels, and where what lies in them
  double multiplying = 0;      ///< what it is all for; results that are complete there are stored by it, too
  double storing = 0;          ///< results from accumulators to where they belong
  double adding_sums = 0;      ///< of grad_kernel: parts of sums to each other
  double other = 0;            ///< everything else: a workspace of the run's own, waiting for threads, the reference
};
/// From now on adds to `seconds` what this thread spends in runs; null ends it. Returns what was in place before. With
/// several threads, that is the share of the thread that calls. Recording takes some percent of small runs; while any
/// thread records, the others take a little longer, too.
CONVGRAD_API PhaseSeconds* record_phases(PhaseSeconds* seconds) noexcept;

}  // namespace convgrad
