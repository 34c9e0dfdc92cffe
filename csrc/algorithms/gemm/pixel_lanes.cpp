#include "algorithms/gemm/pixel_lanes.hpp"

#include "algorithms/gemm/strip.hpp"
#include "algorithms/gemm/tiles.hpp"
#include "core/parallel.hpp"
#include "core/workspace.hpp"

namespace convgrad::gemm {

namespace {

// Strip and results share a second-level cache of one mebibyte with the weights that stream by.
constexpr Index strip_bytes = Index{512} << 10;
constexpr Index result_bytes = Index{512} << 10;
constexpr Index pixels_per_block = 448;
// A panel of this many taps takes two thirds of a first-level cache of 48 KiB.
constexpr Index taps_per_run = 256;

// How the pixels begin .. end - 1 of a strip fill a row of the panel.
Index find_runs(const Index* pixel_offsets, Index begin, Index end, Index width, kernels::PanelRun* runs) noexcept {
  Index count = 0;
  for (Index p = begin; p < end; ++p) {
    if (count > 0 && runs[count - 1].offset + runs[count - 1].count == pixel_offsets[p])
      ++runs[count - 1].count;
    else
      runs[count++] = {pixel_offsets[p], 1, p - begin};
  }
  // Lanes without a pixel repeat the first one: their results are numbers, and nobody stores them.
  if (end - begin < width) runs[count++] = {pixel_offsets[begin], width - (end - begin), end - begin};
  return count;
}

}  // namespace

template <class T>
struct PixelLanes<T>::Task {
  Index group;
  Index pixel_block;
  Index first_channel;
  Index channels;
};

template <class T>
struct PixelLanes<T>::Worker {
  T* strip;
  T* panel;
  T* start;
  T* results;
  Index* pixel_offsets;
  Index* tap_offsets;
  Index* weight_offsets;
  Index* row_offsets;
  kernels::PanelRun* runs;
};

template <class T>
PixelLanes<T>::PixelLanes(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept
    : geometry_(geometry), kernels_(&kernels), width_(kernels.lanes * kernels.tile_vectors) {
  constexpr Index size = sizeof(T);
  const Index useful = useful_threads(geometry, threads);
  blocking_ = balanced_blocking(geometry, {pixels_per_block, INT32_MAX, strip_bytes / size, true}, useful);
  const Index pixels = round_up(blocking_.most_pixels(), width_);
  channels_per_task_ = larger(1, smaller(geometry.out_channels, result_bytes / size / pixels));
  const Index blocks = blocking_.pixel_blocks() * geometry.groups;
  const auto tasks = [&] { return blocks * divide_up(geometry.out_channels, channels_per_task_); };
  while (useful > 1 && tasks() < 2 * useful && channels_per_task_ > kernels.tile_rows)
    channels_per_task_ = divide_up(channels_per_task_, 2);
  threads_ = static_cast<int>(larger(1, smaller(useful, tasks())));

  WorkspaceLayout worker;
  strip_ = worker.reserve<T>(blocking_.strip_elements() + 2 * width_);
  panel_ = worker.reserve<T>((smaller(taps_per_run, blocking_.most_taps()) + 1) * width_);
  start_ = worker.reserve<T>(channels_per_task_ * width_);
  results_ = worker.reserve<T>(channels_per_task_ * pixels);
  pixel_offsets_ = worker.reserve<Index>(blocking_.most_pixels());
  tap_offsets_ = worker.reserve<Index>(blocking_.most_taps());
  weight_offsets_ = worker.reserve<Index>(blocking_.most_taps());
  row_offsets_ = worker.reserve<Index>(channels_per_task_);
  runs_ = worker.reserve<kernels::PanelRun>(width_ + 1);
  worker_bytes_ = worker.bytes();
}

template <class T>
void PixelLanes<T>::run(const Tensor<const T>& input, const Weights<T>& weights, const T* bias, Index bias_stride,
                        const Tensor<T>& output, void* workspace) const noexcept {
  const Index parts = divide_up(geometry_.out_channels, channels_per_task_);
  const Index tasks = blocking_.pixel_blocks() * geometry_.groups * parts;
  parallel_for(threads_, tasks, [&](Index index, int number) {
    void* area = at_offset<char>(workspace, static_cast<std::size_t>(number) * worker_bytes_);
    const Worker worker{at_offset<T>(area, strip_),
                        at_offset<T>(area, panel_),
                        at_offset<T>(area, start_),
                        at_offset<T>(area, results_),
                        at_offset<Index>(area, pixel_offsets_),
                        at_offset<Index>(area, tap_offsets_),
                        at_offset<Index>(area, weight_offsets_),
                        at_offset<Index>(area, row_offsets_),
                        at_offset<kernels::PanelRun>(area, runs_)};
    Task task{};
    task.first_channel = index % parts * channels_per_task_;
    task.channels = smaller(channels_per_task_, geometry_.out_channels - task.first_channel);
    task.pixel_block = index / parts % blocking_.pixel_blocks();
    task.group = index / parts / blocking_.pixel_blocks();
    fill_start(task, bias, bias_stride, worker.start);
    run_task(task, input, weights, output, worker);
  });
}

// One row of lanes for every output channel, all of them its bias.
template <class T>
void PixelLanes<T>::fill_start(const Task& task, const T* bias, Index bias_stride, T* start) const noexcept {
  const Index first = task.group * geometry_.out_channels + task.first_channel;
  for (Index channel = 0; channel < task.channels; ++channel) {
    const T value = bias == nullptr ? T{0} : bias[(first + channel) * bias_stride];
    for (Index lane = 0; lane < width_; ++lane) start[channel * width_ + lane] = value;
  }
}

template <class T>
void PixelLanes<T>::run_task(const Task& task, const Tensor<const T>& input, const Weights<T>& weights,
                             const Tensor<T>& output, const Worker& worker) const noexcept {
  const PixelBlock pixels = blocking_.pixel_block(task.pixel_block);
  const PixelBox box{pixels.images, {pixels.size[0], pixels.size[1], pixels.size[2]}};
  const Index count = pixels.count();

  Tensor<const T> group_input = input;
  group_input.data += task.group * geometry_.in_channels * input.inner;
  Tensor<T> to = output;
  to.data +=
      pixels.first_image * output.outer + (task.group * geometry_.out_channels + task.first_channel) * output.inner;
  for (int a = 0; a < axes; ++a) to.data += pixels.first[a] * output.axis[a];
  const T* task_weights = weights.data + task.group * weights.group + task.first_channel * weights.lane;
  for (Index row = 0; row < task.channels; ++row) worker.row_offsets[row] = row * weights.lane;

  const Index tap_blocks = blocking_.tap_blocks();
  for (Index t = 0; t < tap_blocks; ++t) {
    const TapBlock taps = blocking_.tap_block(t);
    const StripShape shape(geometry_, pixels.images, pixels.size, taps.channels, taps.size,
                           StripShape::Order::pixels_adjacent);
    shape.pack(*kernels_, geometry_, pixels, taps, group_input, worker.strip);
    shape.fill_pixel_offsets(pixels, worker.pixel_offsets);
    shape.fill_tap_offsets(taps, worker.tap_offsets);
    fill_weight_offsets(weights, taps, worker.weight_offsets);
    const T* block_weights = task_weights + taps.first_channel * weights.channel;
    for (int a = 0; a < axes; ++a) block_weights += taps.first[a] * weights.axis[a];

    Index done = 0;
    do {
      const Index length = smaller(taps_per_run, taps.count() - done);
      const bool fresh = t == 0 && done == 0;
      const bool last = t + 1 == tap_blocks && done + length == taps.count();
      for (Index begin = 0; begin < count; begin += width_) {
        const Index end = smaller(count, begin + width_);
        const Index vectors = divide_up(end - begin, kernels_->lanes);
        const Index width = vectors * kernels_->lanes;
        const Index runs = find_runs(worker.pixel_offsets, begin, end, width, worker.runs);
        kernels_->expand(worker.strip, worker.tap_offsets + done, length, worker.runs, runs, worker.panel, width);

        // Straight into Z where these pixels are neighbors there, otherwise by way of a buffer.
        Index offset = 0;
        const bool direct = end - begin == width && find_adjacent(box, begin, end, to, offset);
        Accumulators<T> accumulators{fresh ? worker.start : nullptr, width_, nullptr, 0};
        accumulators.result = direct ? to.data + offset : worker.results + begin * task.channels;
        accumulators.result_stride = direct ? to.inner : width;
        run_tiles(*kernels_, vectors, block_weights, worker.row_offsets, task.channels, worker.weight_offsets + done,
                  length, worker.panel, accumulators);
        if (last && !direct) unpack_channels(*kernels_, accumulators.result, width, box, begin, end, task.channels, to);
      }
      done += length;
    } while (done < taps.count());
  }
}

template class PixelLanes<float>;
template class PixelLanes<double>;

}  // namespace convgrad::gemm
