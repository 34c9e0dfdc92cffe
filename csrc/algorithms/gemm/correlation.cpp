#include "algorithms/gemm/correlation.hpp"

#include "algorithms/gemm/strip.hpp"
#include "algorithms/gemm/tiles.hpp"
#include "core/parallel.hpp"
#include "core/workspace.hpp"

namespace convgrad::gemm {

namespace {

// Half a mebibyte each, so that strip, accumulators and the panel in use share a second-level cache of one.
constexpr Index strip_bytes = Index{512} << 10;
constexpr Index accumulator_bytes = Index{512} << 10;
constexpr Index pixels_per_block = 448;
constexpr Index fewest_pixels_per_block = 112;
// A run of taps for one panel stays in the first-level cache while the tiles of a block pass over it.
constexpr Index taps_per_run = 256;
// A multiple of every tile height and vector length.
constexpr Index pixels_per_chunk = 48;
// Below this many multiplications a second thread costs more than it brings.
constexpr double multiplications_per_thread = 1e5;

}  // namespace

template <class T>
struct Correlation<T>::Task {
  Index group;
  Index pixel_block;
  Index first_panel;
  Index last_panel;
};

template <class T>
struct Correlation<T>::Worker {
  T* strip;
  T* accumulators;
  std::int32_t* pixel_offsets;
  std::int32_t* tap_offsets;
};

template <class T>
Correlation<T>::Correlation(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept
    : geometry_(geometry), kernels_(&kernels), panels_(kernels, geometry.out_channels) {
  const double multiplications = static_cast<double>(geometry.batch * geometry.output_pixels()) *
                                 static_cast<double>(geometry.groups * geometry.out_channels) *
                                 static_cast<double>(geometry.in_channels * geometry.taps_per_channel());
  const Index useful =
      static_cast<Index>(smaller(threads, 1 + static_cast<Index>(multiplications / multiplications_per_thread)));

  BlockingLimits limits{pixels_per_block, INT32_MAX, strip_bytes / Index{sizeof(T)}};
  blocking_ = Blocking(geometry, limits);
  // Some blocks for every worker, so that they finish together. The bits do not depend on it: see kernel_set.hpp.
  while (useful > 1 && limits.pixels > fewest_pixels_per_block &&
         blocking_.pixel_blocks() * geometry.groups < 4 * useful) {
    limits.pixels /= 2;
    blocking_ = Blocking(geometry, limits);
  }
  panels_per_task_ = larger(1, panels_.count());
  if (blocking_.tap_blocks() > 1) {
    const Index most = accumulator_bytes / Index{sizeof(T)} / (blocking_.most_pixels() * panels_.full_width());
    panels_per_task_ = smaller(panels_per_task_, larger(1, most));
  }
  const Index blocks = blocking_.pixel_blocks() * geometry.groups;
  while (blocks * divide_up(panels_.count(), panels_per_task_) < 2 * useful && useful > 1 && panels_per_task_ > 1)
    panels_per_task_ = divide_up(panels_per_task_, 2);
  const Index tasks = blocks * divide_up(panels_.count(), panels_per_task_);
  threads_ = static_cast<int>(larger(1, smaller(useful, tasks)));

  const Index taps = geometry.in_channels * geometry.taps_per_channel();
  WorkspaceLayout shared;
  packed_ = shared.reserve<T>(geometry.groups * panels_.padded_channels() * taps);
  bias_ = shared.reserve<T>(geometry.groups * panels_.padded_channels());
  worker_begin_ = shared.bytes();
  WorkspaceLayout worker;
  strip_ = worker.reserve<T>(blocking_.strip_elements());
  const Index kept_panels = blocking_.tap_blocks() > 1 ? panels_per_task_ : 1;
  accumulators_ = worker.reserve<T>(kept_panels * blocking_.most_pixels() * panels_.full_width());
  pixel_offsets_ = worker.reserve<std::int32_t>(blocking_.most_pixels());
  tap_offsets_ = worker.reserve<std::int32_t>(blocking_.most_taps());
  worker_bytes_ = worker.bytes();
}

template <class T>
void Correlation<T>::pack_all_weights(const Weights<T>& weights, const T* bias, Index bias_stride,
                                      void* workspace) const noexcept {
  const Index taps = geometry_.in_channels * geometry_.taps_per_channel();
  const Index padded = panels_.padded_channels();
  T* packed = at_offset<T>(workspace, packed_);
  T* packed_bias = at_offset<T>(workspace, bias_);
  parallel_for(threads_, geometry_.groups * panels_.count(), [&](Index index, int) {
    const Index group = index / panels_.count();
    const Index panel = index % panels_.count();
    const Index first = panels_.first_lane(panel);
    const Index lanes = panels_.used_lanes(panel);
    Weights<T> from = weights;
    from.data += group * weights.group + first * weights.lane;
    pack_weights(*kernels_, from, geometry_.in_channels, geometry_.kernel, lanes, panels_.width(panel),
                 packed + (group * padded + first) * taps);
    T* to = packed_bias + group * padded + first;
    for (Index lane = 0; lane < panels_.width(panel); ++lane)
      to[lane] =
          bias != nullptr && lane < lanes ? bias[(group * geometry_.out_channels + first + lane) * bias_stride] : T{0};
  });
}

template <class T>
void Correlation<T>::run(const Tensor<const T>& input, const Weights<T>& weights, const T* bias, Index bias_stride,
                         const Tensor<T>& output, void* workspace) const noexcept {
  pack_all_weights(weights, bias, bias_stride, workspace);
  const Index parts = divide_up(panels_.count(), panels_per_task_);
  const Index tasks = blocking_.pixel_blocks() * geometry_.groups * parts;
  parallel_for(threads_, tasks, [&](Index index, int number) {
    void* area = at_offset<char>(workspace, worker_begin_ + static_cast<std::size_t>(number) * worker_bytes_);
    const Worker worker{at_offset<T>(area, strip_), at_offset<T>(area, accumulators_),
                        at_offset<std::int32_t>(area, pixel_offsets_), at_offset<std::int32_t>(area, tap_offsets_)};
    Task task{};
    task.first_panel = index % parts * panels_per_task_;
    task.last_panel = smaller(panels_.count(), task.first_panel + panels_per_task_);
    task.pixel_block = index / parts % blocking_.pixel_blocks();
    task.group = index / parts / blocking_.pixel_blocks();
    run_task(task, input, output, workspace, worker);
  });
}

template <class T>
void Correlation<T>::run_task(const Task& task, const Tensor<const T>& input, const Tensor<T>& output,
                              const void* shared, const Worker& worker) const noexcept {
  const PixelBlock pixels = blocking_.pixel_block(task.pixel_block);
  const Index count = pixels.count();
  const Index all_taps = geometry_.in_channels * geometry_.taps_per_channel();
  const Index padded = panels_.padded_channels();
  const T* packed = at_offset<const T>(const_cast<void*>(shared), packed_);
  const T* bias = at_offset<const T>(const_cast<void*>(shared), bias_);

  Tensor<const T> group_input = input;
  group_input.data += task.group * geometry_.in_channels * input.inner;
  Tensor<T> block_output = output;
  block_output.data += pixels.first_image * output.outer + task.group * geometry_.out_channels * output.inner;
  for (int a = 0; a < axes; ++a) block_output.data += pixels.first[a] * output.axis[a];
  const PixelBox box{pixels.images, {pixels.size[0], pixels.size[1], pixels.size[2]}};

  const Index tap_blocks = blocking_.tap_blocks();
  for (Index t = 0; t < tap_blocks; ++t) {
    const TapBlock taps = blocking_.tap_block(t);
    const auto order =
        input.inner == 1 && input.axis[2] != 1 ? StripShape::Order::channels_inner : StripShape::Order::channels_outer;
    const StripShape shape(geometry_, pixels.images, pixels.size, taps.channels, taps.size, order);
    shape.pack(*kernels_, geometry_, pixels, taps, group_input, worker.strip);
    shape.fill_pixel_offsets(pixels, worker.pixel_offsets);
    shape.fill_tap_offsets(taps, worker.tap_offsets);

    for (Index panel = task.first_panel; panel < task.last_panel; ++panel) {
      const Index first_lane = panels_.first_lane(panel);
      const Index width = panels_.width(panel);
      T* accumulators = worker.accumulators;
      if (tap_blocks > 1) accumulators += (panel - task.first_panel) * blocking_.most_pixels() * panels_.full_width();
      const T* weights = packed + (task.group * padded + first_lane) * all_taps + taps.first_tap * width;
      const T* start = t == 0 ? bias + task.group * padded + first_lane : nullptr;
      Index done = 0;
      for (; taps.count() - done > taps_per_run; done += taps_per_run) {
        run_tiles(*kernels_, panels_.vectors(panel), worker.strip, worker.pixel_offsets, count,
                  worker.tap_offsets + done, taps_per_run, weights + done * width, start, accumulators);
        start = nullptr;
      }
      // The last run goes chunk by chunk, each stored at once: the transposition of one then overlaps with the
      // arithmetic of the next inside the processor, which matters where there are few taps.
      Tensor<T> to = block_output;
      to.data += first_lane * output.inner;
      const Index chunks = divide_up(count, pixels_per_chunk);
      Index first = 0;
      for (Index chunk = 1; chunk <= chunks; ++chunk) {
        const Index last = chunk == chunks ? count : smaller(count, round_up(count * chunk / chunks, kernels_->lanes));
        T* result = accumulators + first * width;
        run_tiles(*kernels_, panels_.vectors(panel), worker.strip, worker.pixel_offsets + first, last - first,
                  worker.tap_offsets + done, taps.count() - done, weights + done * width, start, result);
        if (t + 1 == tap_blocks)
          unpack_pixels(*kernels_, result, width, box, first, last, panels_.used_lanes(panel), to);
        first = last;
      }
    }
  }
}

template class Correlation<float>;
template class Correlation<double>;

}  // namespace convgrad::gemm
