#include "algorithms/gemm/grad_input_columns.hpp"

#include <algorithm>
#include <cmath>

#include "algorithms/gemm/tiles.hpp"
#include "core/parallel.hpp"
#include "core/phases.hpp"
#include "core/workspace.hpp"

namespace convgrad::gemm {

namespace {

// A larger dV comes from the last-level cache or beyond: the memory that sums go to is brought nearer. So does a larger
// G, which is then read channel by channel.
constexpr double most_near_bytes = 4 << 20;

}  // namespace

bool prefers_columns(const Geometry& geometry) noexcept {
  // Of one channel for a single pixel: more would not fit the cache.
  constexpr Index most_sums = 32768;
  constexpr Index most_out_channels = 4096;
  // Without output channels there are no products, and sums of none are zeros that the other way stores.
  if (geometry.multiplications() == 0) return false;
  Index one_pixel[axes];
  bool strided = false;
  for (int a = 0; a < axes; ++a) {
    // Sums are kept apart by column modulo stride, and that would take time for every one there is none of.
    if (geometry.stride[a] > larger(1, geometry.input[a])) return false;
    const Index covered = (geometry.output[a] - 1) * geometry.stride[a] + extent_of(geometry, a) - geometry.padding[a];
    if (geometry.output[a] == 0 || geometry.padding[a] < 0 || geometry.input[a] - covered >= geometry.stride[a])
      return false;  // crops the input: whole rows of dV would lie beyond all sums
    one_pixel[a] = 1;
    strided = strided || geometry.stride[a] > 1;
  }
  if (ColumnSums<float>(geometry, 1, one_pixel, 1).elements() > most_sums || geometry.out_channels > most_out_channels)
    return false;
  // Every product is stored, loaded and added once, which counts against the sum over output channels that it takes,
  // and an image's pixels fill whole panels. The other way stores every element of dV for itself where there is a
  // stride, which counts against all products that it is a sum of; has pixels beyond the border of G; and leaves lanes
  // unused where there are few channels. Fitted to 34 layers with a stride.
  constexpr Index few_channels = 8;
  if (!strided && geometry.in_channels > few_channels) return false;
  const auto pixels = static_cast<double>(geometry.output_pixels());
  const auto out_channels = static_cast<double>(larger(1, geometry.out_channels));
  const double rows = static_cast<double>(geometry.in_channels * geometry.taps_per_channel());
  double columns = (1 + 9 / out_channels) * (rows < 4 ? 4 / rows : 1);
  const double channels = static_cast<double>(larger(1, geometry.in_channels));
  double correlation = 1.1 + 2.5 / channels;
  if (strided) {
    // So few pixels under so many weights that packing these is what counts: once, and not for every residue of the
    // stride. Of one image, since its bits may not depend on how many there are: with four to sixteen, columns are
    // between a fifth slower and as much faster.
    constexpr double fewest_pixels = 64;
    constexpr double many_weights = 32768;  // of one tap
    if (pixels < fewest_pixels && channels * out_channels >= many_weights) return true;
    columns *= 1 + 10 / pixels;
    double apart = 1;  // the share of dV's elements that are met by one tap
    for (int a = 0; a < axes; ++a) apart /= static_cast<double>(geometry.stride[a]);
    const double positions =
        static_cast<double>(geometry.input[0] * geometry.input[1]) * static_cast<double>(geometry.input[2]) * apart;
    const double products = static_cast<double>(geometry.taps_per_channel()) * apart * out_channels;
    correlation = (1 + 55 / products + 2.5 / channels) * std::sqrt(positions / pixels);
  }
  // An image of few pixels fits a strip or two, of which no rows are copied twice.
  constexpr Index few_pixels = 2048;
  if (!strided && geometry.input[0] * geometry.input[1] * geometry.input[2] <= few_pixels)
    correlation = 0.65 + 1.65 / channels;
  // One channel's rows share what is under the kernel (row_lanes.hpp), as long as few channels of G pass by.
  if (!strided && geometry.in_channels == 1 && geometry.kernel[1] > 1 && geometry.dilation[1] == 1)
    correlation = std::min(correlation, 1 + out_channels / 64 + 1.5 / static_cast<double>(geometry.kernel[1]));
  return columns < correlation;
}

template <class T>
struct GradInputColumns<T>::Worker {
  T* strip;
  T* panels;
  T* products;
  T* sums;
  T* row;
  T* zeros;
  Index* row_offsets;
  Index* channel_offsets;
  Index* reduction;
  kernels::BlockCopy* copies;
};

template <class T>
GradInputColumns<T>::GradInputColumns(const Geometry& geometry, const kernels::KernelSet<T>& kernels,
                                      int threads) noexcept
    : geometry_(geometry),
      kernels_(&kernels),
      tasks_(geometry, kernels, useful_threads(geometry, threads)),
      weights_(geometry, kernels, tasks_.chunk()) {
  product_.batch = geometry.batch;
  product_.groups = geometry.groups;
  product_.in_channels = geometry.out_channels;
  product_.out_channels = geometry.in_channels * geometry.taps_per_channel();
  for (int a = 0; a < axes; ++a) product_.input[a] = product_.output[a] = geometry.output[a];
  threads_ = static_cast<int>(larger(1, smaller(useful_threads(geometry, threads), tasks_.count())));
  stores_ahead_ = input_bytes<T>(geometry) > most_near_bytes;
  reads_by_channel_ = output_bytes<T>(geometry) > most_near_bytes;

  WorkspaceLayout shared;
  packed_ = shared.reserve<T>(packed_elements());
  worker_begin_ = shared.bytes();
  WorkspaceLayout worker;
  const Index width = Index{kernels.lanes} * kernels.tile_vectors;
  const Index pixels = tasks_.most_pixels();
  const Index run = tasks_.run();
  padded_pixels_ = round_up(pixels, width);
  const ColumnSums<T> sums(geometry_, tasks_.images(), tasks_.size(), tasks_.chunk());
  strip_ = worker.reserve<T>(StripShape::room(pixels, geometry.out_channels) + 2 * width);
  panels_ = worker.reserve<T>(divide_up(geometry.out_channels, run) * panel_elements(padded_pixels_, run));
  product_slack_ = round_up(sums.slack(kernels), 64 / Index{sizeof(T)});
  products_ = worker.reserve<T>(tasks_.tiles() * kernels.tile_rows * tasks_.product_pitch() + 2 * product_slack_);
  sums_ = worker.reserve<T>(sums.elements() + kernels.lanes);
  row_ = worker.reserve<T>(sums.row_elements());
  zeros_ = worker.reserve<T>(width);
  row_offsets_ = worker.reserve<Index>(kernels.tile_rows);
  channel_offsets_ = worker.reserve<Index>(geometry.out_channels);
  reduction_ = worker.reserve<Index>(kernels.tile_rows * run);
  copies_ = worker.reserve<kernels::BlockCopy>(most_copies(padded_pixels_));
  worker_bytes_ = worker.bytes();
}

template <class T>
void GradInputColumns<T>::pack(const Tensor<const T>& kernel, T* packed) const noexcept {
  const PhaseTimer timer(Phase::packing_weights);
  weights_.pack(kernel, threads_, packed);
}

template <class T>
void GradInputColumns<T>::run(const Tensor<const T>& grad_output, const Tensor<const T>& kernel, const T* packed,
                              const Tensor<T>& grad_input, void* workspace) const noexcept {
  if (packed == nullptr) {
    T* to = at_offset<T>(workspace, packed_);
    pack(kernel, to);
    packed = to;
  }
  parallel_for(threads_, tasks_.count(), [&](Index index, int number) {
    void* area = at_offset<char>(workspace, worker_begin_ + static_cast<std::size_t>(number) * worker_bytes_);
    const Worker worker{at_offset<T>(area, strip_),
                        at_offset<T>(area, panels_),
                        at_offset<T>(area, products_) + product_slack_,
                        at_offset<T>(area, sums_),
                        at_offset<T>(area, row_),
                        at_offset<T>(area, zeros_),
                        at_offset<Index>(area, row_offsets_),
                        at_offset<Index>(area, channel_offsets_),
                        at_offset<Index>(area, reduction_),
                        at_offset<kernels::BlockCopy>(area, copies_)};
    run_task(tasks_.task(index), grad_output, packed, grad_input, worker);
  });
}

template <class T>
void GradInputColumns<T>::run_task(const ColumnTask& task, const Tensor<const T>& grad_output, const T* packed,
                                   const Tensor<T>& grad_input, const Worker& worker) const noexcept {
  if (task.empty()) return;
  for (Index i = 0; i < kernels_->lanes * kernels_->tile_vectors; ++i) worker.zeros[i] = T{0};
  for (Index i = 0; i < kernels_->tile_rows; ++i) {
    worker.row_offsets[i] = i;
    for (Index o = 0; o < tasks_.run(); ++o) worker.reduction[i * tasks_.run() + o] = o * (i + 1);
  }

  tasks_.for_each_block(
      task, [&](const PixelBlock& block) { run_block(task, block, grad_output, packed, grad_input, worker); });
}

template <class T>
void GradInputColumns<T>::run_block(const ColumnTask& task, const PixelBlock& pixels,
                                    const Tensor<const T>& grad_output, const T* packed, const Tensor<T>& grad_input,
                                    const Worker& worker) const noexcept {
  PhaseTimer timer(Phase::packing_input);
  const TapBlock all{0, product_.in_channels, {0, 0, 0}, {1, 1, 1}, 0};
  Tensor<const T> from = grad_output;
  from.data += task.group * product_.in_channels * from.inner;
  StripShape shape(product_, pixels.images, pixels.size, all.channels, all.size, StripShape::Order::pixels_adjacent);
  const T* strip = worker.strip;
  const Index width = Index{kernels_->lanes} * kernels_->tile_vectors;
  const Index channels_left = (geometry_.groups - task.group) * product_.in_channels;
  const bool in_place = shape.in_place(product_, pixels, all, from, channels_left, width, strip);
  const bool turns = turns_into_panels(product_, from);
  if (!in_place && !turns) shape.pack(*kernels_, product_, pixels, all, from, worker.strip);
  shape.fill_tap_offsets(all, worker.channel_offsets);
  const PixelBox box{pixels.images, {pixels.size[0], pixels.size[1], pixels.size[2]}};
  T* panels = worker.panels;
  for (Index done = 0; done < all.channels; done += tasks_.run()) {
    const Index length = smaller(tasks_.run(), all.channels - done);
    if (turns)
      turn_into_panels(*kernels_, product_, pixels, from, done, length, panels);
    else
      expand_panels(*kernels_, shape, box, strip, in_place && reads_by_channel_, worker.channel_offsets + done, length,
                    worker.copies, panels);
    panels += panel_elements(padded_pixels_, length);
  }

  SumSpan span[axes];
  for (int a = 0; a < axes; ++a) span[a] = tasks_.span(a, task, pixels);
  const Index taps = geometry_.taps_per_channel();
  for (Index done = 0; done < task.channels; done += tasks_.chunk()) {
    const Index channels = smaller(tasks_.chunk(), task.channels - done);
    const Index channel = task.group * geometry_.in_channels + task.first_channel + done;
    Tensor<T> to = grad_input;
    to.data += pixels.first_image * to.outer + channel * to.inner;
    const ColumnSums<T> sums(geometry_, pixels.images, pixels.size, channels);
    timer.next(Phase::storing);
    sums.start(*kernels_, span, to, worker.sums);
    const ColumnTiles tiles = weights_.tiles(channels * taps);
    Ahead<T> ahead;
    if (stores_ahead_) ahead = sums.ahead(span, to, tiles.count * divide_up(box.count(), width));
    const T* weights = packed + weights_.offset(channel);
    for (Index last = tiles.count; last > 0; last -= smaller(last, tasks_.tiles())) {
      const Index first = larger(0, last - tasks_.tiles());
      timer.next(Phase::multiplying);
      multiply(weights, tiles, first, last, box.count(), ahead, worker);
      timer.next(Phase::adding_sums);
      sums.add(*kernels_, worker.products, tasks_.product_pitch(), tiles.first_row(first), tiles.first_row(last),
               worker.sums);
    }
    timer.next(Phase::storing);
    sums.store(*kernels_, span, worker.sums, worker.row, to);
  }
}

// Tiles first .. last - 1 of a chunk, for all pixels of the block: the weights of a tile stay in the first-level cache
// while the panels pass by.
template <class T>
void GradInputColumns<T>::multiply(const T* weights, const ColumnTiles& tiles, Index first, Index last, Index pixels,
                                   Ahead<T>& ahead, const Worker& worker) const noexcept {
  const Index base = tiles.first_row(first);
  const Index pitch = tasks_.product_pitch();
  const Index run = tasks_.run();
  const Index width = Index{kernels_->lanes} * kernels_->tile_vectors;
  const Index full = full_panels(*kernels_, pixels);
  const T* panels = worker.panels;
  for (Index done = 0; done < geometry_.out_channels; done += run) {
    const Index length = smaller(run, geometry_.out_channels - done);
    const Index step = panel_offset(width, length);
    Index next = base;
    for (Index tile = first; tile < last; ++tile) {
      const Index row = next;
      next = tiles.first_row(tile + 1);
      const Index height = next - row;
      const T* tile_weights = weights + row * geometry_.out_channels + done * height;
      const Index* offsets = worker.reduction + (height - 1) * run;
      T* products = worker.products + (row - base) * pitch;
      for (Index panel = 0, some = 0; panel < full; panel += some) {
        some = smaller(panels_per_call(length), full - panel);
        if (done == 0)
          for (Index i = 0; i < some; ++i) ahead.step();
        T* to = products + panel * width;
        kernels_->sweep_tile[height - 1](tile_weights, worker.row_offsets, offsets, length,
                                         {panels + panel * step, step, done == 0 ? worker.zeros : to,
                                          done == 0 ? 0 : pitch, done == 0 ? 0 : width, to, pitch, width, some});
      }
      if (full * width >= pixels) continue;
      if (done == 0) ahead.step();
      run_tile<T>(*kernels_, 1, tile_weights, worker.row_offsets, height, {offsets, length}, panels + full * step,
                  {done == 0 ? worker.zeros : nullptr, 0, products + full * width, pitch});
    }
    panels += panel_elements(padded_pixels_, length);
  }
}

template class GradInputColumns<float>;
template class GradInputColumns<double>;

}  // namespace convgrad::gemm
