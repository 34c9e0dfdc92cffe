// db: the sum of G over batch and pixels. Bound by memory, so plain C++ is fast enough.
#include <cinttypes>

#include "core/geometry.hpp"
#include "core/parallel.hpp"

namespace convgrad {

namespace {

// One channel. Sixteen interleaved sums per row position, in double, added up in order: the order depends on the sizes
// alone, and a long sum of float32 values loses nothing.
template <class T>
double sum_channel(const Tensor<const T>& grad_output, Index channel, Index batch, const Index (&size)[axes]) noexcept {
  constexpr Index lanes = 16;
  double partial[lanes] = {};
  const Index step = grad_output.axis[2];
  for (Index n = 0; n < batch; ++n)
    for (Index i = 0; i < size[0]; ++i)
      for (Index j = 0; j < size[1]; ++j) {
        const T* row = grad_output.data + n * grad_output.outer + channel * grad_output.inner +
                       i * grad_output.axis[0] + j * grad_output.axis[1];
        Index k = 0;
        if (step == 1) {
          for (; k + lanes <= size[2]; k += lanes)
            for (Index lane = 0; lane < lanes; ++lane) partial[lane] += static_cast<double>(row[k + lane]);
        } else {
          for (; k + lanes <= size[2]; k += lanes)
            for (Index lane = 0; lane < lanes; ++lane) partial[lane] += static_cast<double>(row[(k + lane) * step]);
        }
        for (; k < size[2]; ++k) partial[k % lanes] += static_cast<double>(row[k * step]);
      }
  double sum = 0;
  for (const double value : partial) sum += value;
  return sum;
}

template <class T>
void sum_all(const Tensor<const T>& grad_output, Index batch, Index channels, const Index (&size)[axes], T* result,
             Index stride, const PlanOptions& options) noexcept {
  constexpr Index worth_a_thread = 1 << 16;
  const Index worthwhile = batch * channels * size[0] * size[1] * size[2] / worth_a_thread;
  const int most = options.threads > 0 ? options.threads : get_num_threads();
  const int threads = static_cast<int>(larger(1, smaller(most, worthwhile)));
  const ParallelScope scope(options.parallel);
  parallel_for(threads, channels, [&](Index channel, int) {
    result[channel * stride] = static_cast<T>(sum_channel(grad_output, channel, batch, size));
  });
}

}  // namespace

Status grad_bias(DataType data_type, int spatial_rank, std::int64_t batch, std::int64_t out_channels,
                 const std::array<std::int64_t, max_spatial_rank>& size, const ConstView& grad_output, void* grad_bias,
                 std::int64_t grad_bias_stride, const PlanOptions& options) noexcept {
  if (Status status = check_threads_option(options.threads); !status.ok()) return status;
  if (spatial_rank < 1 || spatial_rank > max_spatial_rank)
    return Status::invalid("spatial_rank: expected 1, 2 or 3, got %d", spatial_rank);
  if (batch < 0 || out_channels < 0)
    return Status::invalid("grad_output: expected sizes of at least 0, got batch %" PRId64 ", channels %" PRId64, batch,
                           out_channels);
  Index sizes[axes] = {1, 1, 1};
  for (int a = 0; a < spatial_rank; ++a) {
    const Index value = size[static_cast<std::size_t>(a)];
    if (value < 0)
      return Status::invalid("grad_output: expected sizes of at least 0, got %" PRId64 " on spatial axis %d", value, a);
    sizes[axes - spatial_rank + a] = value;
  }
  const Index pixels = saturating_product(sizes[0], saturating_product(sizes[1], sizes[2]));
  const Index elements = saturating_product(saturating_product(batch, out_channels), pixels);
  if (elements > largest_element_count)
    return Status::invalid("grad_output: the sizes overflow: more than 2**59 elements");
  if (pixels == 0) batch = 0;  // nor are there rows to walk, however many the sizes say
  if (grad_output.data == nullptr && batch > 0 && out_channels > 0 && pixels > 0)
    return Status::invalid("grad_output: the pointer is null");
  if (grad_bias == nullptr && out_channels > 0) return Status::invalid("grad_bias: the pointer is null");
  if (data_type == DataType::float32)
    sum_all(make_tensor<const float>(grad_output, spatial_rank), batch, out_channels, sizes,
            static_cast<float*>(grad_bias), grad_bias_stride, options);
  else if (data_type == DataType::float64)
    sum_all(make_tensor<const double>(grad_output, spatial_rank), batch, out_channels, sizes,
            static_cast<double*>(grad_bias), grad_bias_stride, options);
  else
    return Status::invalid("data_type: expected float32 or float64, got code %d", static_cast<int>(data_type));
  return {};
}

}  // namespace convgrad
