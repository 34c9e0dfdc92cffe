#include "algorithms/gemm/grad_input_columns.hpp"

#include "core/parallel.hpp"
#include "core/phases.hpp"
#include "core/workspace.hpp"

namespace convgrad::gemm {

namespace {

// What a block works on at a time: its part of G, the products, and the sums that these are added to. They share a
// second-level cache of one mebibyte with the weights that stream by.
constexpr Index panel_bytes = Index{640} << 10;
constexpr Index product_bytes = Index{192} << 10;
constexpr Index sum_bytes = Index{192} << 10;
constexpr Index most_pixels = 1024;
// A panel of this many channels stays in the first-level cache while the tiles of a chunk pass over it.
constexpr Index channels_per_run = 256;
// Fewer rows of P than this in a task, and filling the panels shows.
constexpr Index fewest_rows = 96;
// More rows of P at a time save nothing.
constexpr Index most_rows = 128;

Index even_piece(Index size, Index most) noexcept {
  return size <= most ? larger(size, 1) : divide_up(size, divide_up(size, larger(most, 1)));
}

Index clip(Index value, Index low, Index high) noexcept { return larger(low, smaller(value, high)); }

}  // namespace

bool prefers_columns(const Geometry& geometry) noexcept {
  // Of one channel for a single pixel: more would not fit the cache.
  constexpr Index most_sums = 32768;
  constexpr Index most_out_channels = 4096;
  Index one_pixel[axes];
  bool strided = false;
  for (int a = 0; a < axes; ++a) {
    const Index covered = (geometry.output[a] - 1) * geometry.stride[a] + extent_of(geometry, a) - geometry.padding[a];
    if (geometry.output[a] == 0 || geometry.padding[a] < 0 || geometry.input[a] - covered >= geometry.stride[a])
      return false;  // crops the input: whole rows of dV would lie beyond all sums
    one_pixel[a] = 1;
    strided = strided || geometry.stride[a] > 1;
  }
  if (ColumnSums<float>(geometry, 1, one_pixel, 1).elements() > most_sums || geometry.out_channels > most_out_channels)
    return false;
  // Every product is stored, loaded and added once, which counts against the sum over output channels that it takes.
  // The other way stores every element of dV for itself where there is a stride, and leaves lanes unused where there
  // are few channels.
  constexpr Index few_channels = 8;
  if (!strided && geometry.in_channels > few_channels) return false;
  const double rows = static_cast<double>(geometry.in_channels * geometry.taps_per_channel());
  const double columns = (1 + 9 / static_cast<double>(larger(1, geometry.out_channels))) * (rows < 4 ? 4 / rows : 1);
  const double channels = static_cast<double>(larger(1, geometry.in_channels));
  const double correlation = (strided ? 1.6 : 1.1) + 2.5 / channels;
  return columns < correlation;
}

// Images, channels and positions of dV that no other task touches.
template <class T>
struct GradInputColumns<T>::Task {
  Index group;
  Index first_image;
  Index images;
  Index first_channel;
  Index channels;
  Index band_begin, band_end;     // positions along band_axis_
  Index first_pixel, last_pixel;  // that meet them, of G along the same axis
};

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
    : geometry_(geometry), kernels_(&kernels) {
  product_.batch = geometry.batch;
  product_.groups = geometry.groups;
  product_.in_channels = geometry.out_channels;
  product_.out_channels = geometry.in_channels * geometry.taps_per_channel();
  for (int a = 0; a < axes; ++a) product_.input[a] = product_.output[a] = geometry.output[a];
  run_ = even_piece(geometry.out_channels, channels_per_run);
  choose_block();
  choose_chunk();
  choose_tasks(useful_threads(geometry, threads));

  WorkspaceLayout shared;
  packed_ = shared.reserve<T>(packed_elements());
  worker_begin_ = shared.bytes();
  WorkspaceLayout worker;
  const Index width = Index{kernels.lanes} * kernels.tile_vectors;
  const Index pixels = images_ * size_[0] * size_[1] * size_[2];
  padded_pixels_ = round_up(pixels, width);
  const ColumnSums<T> sums(geometry_, images_, size_, channels_);
  strip_ = worker.reserve<T>(pixels * geometry.out_channels + 2 * width);
  panels_ = worker.reserve<T>(divide_up(geometry.out_channels, run_) * panel_elements(padded_pixels_, run_));
  products_ = worker.reserve<T>(tiles_ * kernels.tile_rows * product_pitch_ + kernels.lanes);
  sums_ = worker.reserve<T>(sums.elements() + kernels.lanes);
  row_ = worker.reserve<T>(sums.row_elements());
  zeros_ = worker.reserve<T>(width);
  row_offsets_ = worker.reserve<Index>(kernels.tile_rows);
  channel_offsets_ = worker.reserve<Index>(geometry.out_channels);
  reduction_ = worker.reserve<Index>(kernels.tile_rows * run_);
  copies_ = worker.reserve<kernels::BlockCopy>(most_copies(padded_pixels_));
  worker_bytes_ = worker.bytes();
}

// Whole rows first, then planes and images, as many as the cache holds of G, of the products and of the sums.
template <class T>
void GradInputColumns<T>::choose_block() noexcept {
  constexpr Index size = sizeof(T);
  const Index taps = geometry_.taps_per_channel();
  Index target = smaller(most_pixels, panel_bytes / size / larger(1, geometry_.out_channels));
  target = smaller(target, product_bytes / size / smaller(taps, 2 * kernels_->tile_rows));
  for (target = larger(1, target);; target /= 2) {
    Index left = target;
    for (int a = axes - 1; a >= 0; --a) {
      size_[a] = even_piece(geometry_.output[a], left);
      left = size_[a] < geometry_.output[a] ? 1 : left / size_[a];
    }
    images_ = even_piece(geometry_.batch, left);
    if (target == 1 || ColumnSums<T>(geometry_, images_, size_, 1).elements() * size <= sum_bytes) return;
  }
}

// As many channels as make the fewest tiles, since one of half the height takes nearly as long; the more the better.
template <class T>
void GradInputColumns<T>::choose_chunk() noexcept {
  constexpr Index size = sizeof(T);
  const Index taps = geometry_.taps_per_channel();
  const Index pixels = images_ * size_[0] * size_[1] * size_[2];
  product_pitch_ = round_up(pixels, kernels_->lanes * kernels_->tile_vectors) + 64 / size;
  tiles_ = larger(1, product_bytes / size / product_pitch_ / kernels_->tile_rows);
  const Index by_rows = smaller(most_rows, tiles_ * kernels_->tile_rows) / taps;
  const Index by_sums = sum_bytes / size / ColumnSums<T>(geometry_, images_, size_, 1).elements();
  const Index most = larger(1, smaller(geometry_.in_channels, smaller(by_rows, by_sums)));
  const auto tiles_of = [&](Index channels) { return divide_up(channels * taps, kernels_->tile_rows); };
  Index fewest = INT64_MAX;
  for (Index channels = 1; channels <= most; ++channels) {
    const Index tiles =
        geometry_.in_channels / channels * tiles_of(channels) + tiles_of(geometry_.in_channels % channels);
    if (tiles > fewest) continue;
    fewest = tiles;
    channels_ = channels;
  }
}

// Images first, then bands of positions, then channels.
template <class T>
void GradInputColumns<T>::choose_tasks(Index useful) noexcept {
  constexpr Index few_pixels = 128;
  const Index wanted = useful > 1 ? 4 * useful : 1;
  const Index pixels = size_[0] * size_[1] * size_[2];
  const auto blocks = [&] { return geometry_.groups * divide_up(geometry_.batch, images_); };
  while (blocks() < wanted && images_ > 1 && images_ * pixels > 2 * few_pixels) images_ = divide_up(images_, 2);

  while (band_axis_ + 1 < axes && geometry_.output[band_axis_] == 1) ++band_axis_;
  // A band computes again what its first positions need of the pixels before: a sixteenth of it at most.
  const Index stride = geometry_.stride[band_axis_];
  const Index again = divide_up(larger(0, extent_of(geometry_, band_axis_) - stride), stride);
  const Index most_bands =
      smaller(geometry_.output[band_axis_] / larger(1, 16 * again), 2 * geometry_.output_pixels() / few_pixels);
  if (images_ == 1) bands_ = clip(divide_up(wanted, larger(1, blocks())), 1, larger(1, most_bands));

  const Index parts = clip(divide_up(wanted, larger(1, blocks() * bands_)), 1,
                           larger(1, geometry_.in_channels * geometry_.taps_per_channel() / fewest_rows));
  // Whole chunks: the packed weights know no others.
  channels_per_task_ = round_up(divide_up(geometry_.in_channels, parts), channels_);
  const Index tasks = blocks() * bands_ * divide_up(geometry_.in_channels, larger(1, channels_per_task_));
  threads_ = static_cast<int>(larger(1, smaller(useful, tasks)));
}

template <class T>
typename GradInputColumns<T>::Task GradInputColumns<T>::find_task(Index index) const noexcept {
  Task task{};
  const Index channel_parts = divide_up(geometry_.in_channels, channels_per_task_);
  task.first_channel = index % channel_parts * channels_per_task_;
  task.channels = smaller(channels_per_task_, geometry_.in_channels - task.first_channel);
  index /= channel_parts;
  const Index band = index % bands_;
  index /= bands_;
  const Index image_blocks = divide_up(geometry_.batch, images_);
  task.first_image = index % image_blocks * images_;
  task.images = smaller(images_, geometry_.batch - task.first_image);
  task.group = index / image_blocks;

  const Index output = geometry_.output[band_axis_];
  const Index input = geometry_.input[band_axis_];
  const Index stride = geometry_.stride[band_axis_];
  const Index padding = geometry_.padding[band_axis_];
  const Index first = output * band / bands_;
  task.last_pixel = output * (band + 1) / bands_;
  task.band_begin = band == 0 ? 0 : clip(first * stride - padding, 0, input);
  task.band_end = band + 1 == bands_ ? input : clip(task.last_pixel * stride - padding, 0, input);
  // The first pixel that reaches the band; with a gap between the sums of one pixel and the next, the one before the
  // gap.
  const Index out_of_reach = task.band_begin + padding - extent_of(geometry_, band_axis_);
  const Index reaching = out_of_reach < 0 ? 0 : out_of_reach / stride + 1;
  task.first_pixel = smaller(smaller(reaching, (task.band_begin + padding) / stride), task.last_pixel - 1);
  return task;
}

template <class T>
SumSpan GradInputColumns<T>::find_span(int axis, const Task& task, Index first, Index size) const noexcept {
  const Index stride = geometry_.stride[axis];
  const Index padding = geometry_.padding[axis];
  const bool banded = axis == band_axis_;
  const Index low = banded ? task.band_begin : 0;
  const Index high = banded ? task.band_end : geometry_.input[axis];
  // Where the sums of the pixels before `pixel` end: at their last tap, or where the next pixel's begin.
  const auto end_before = [&](Index pixel) {
    return clip(pixel * stride - padding + larger(0, extent_of(geometry_, axis) - stride), low, high);
  };
  SumSpan span{};
  span.origin = first * stride - padding;
  const bool is_first = first == (banded ? task.first_pixel : 0);
  const bool is_last = first + size == (banded ? task.last_pixel : geometry_.output[axis]);
  span.begin = is_first ? low : clip(span.origin, low, high);
  span.begun = is_first ? low : end_before(first);
  span.end = is_last ? high : end_before(first + size);
  return span;
}

// Tile after tile, the rows of P that make one next to each other for every output channel: one stream to read.
template <class T>
void GradInputColumns<T>::pack(const Tensor<const T>& kernel, T* packed) const noexcept {
  const PhaseTimer timer(Phase::packing_weights);
  const Index taps = geometry_.taps_per_channel();
  const Index chunks = divide_up(geometry_.in_channels, channels_);
  parallel_for(threads_, geometry_.groups * chunks, [&](Index index, int) {
    const Index group = index / chunks;
    const Index channel = index % chunks * channels_;
    const Index rows = smaller(channels_, geometry_.in_channels - channel) * taps;
    const Index tiles = divide_up(rows, kernels_->tile_rows);
    T* to = packed + (group * geometry_.in_channels + channel) * taps * geometry_.out_channels;
    for (Index tile = 0; tile < tiles; ++tile) {
      const Index first = channel * taps + rows * tile / tiles;
      const Index last = channel * taps + rows * (tile + 1) / tiles;
      pack_tile(kernel, group * geometry_.out_channels, first, last, to);
      to += (last - first) * geometry_.out_channels;
    }
  });
}

// Weights of the rows first .. last - 1, each a channel and a tap.
template <class T>
void GradInputColumns<T>::pack_tile(const Tensor<const T>& kernel, Index out_channel, Index first, Index last,
                                    T* to) const noexcept {
  const Index* const size = geometry_.kernel;
  const auto offset = [&](Index row) {
    return row / geometry_.taps_per_channel() * kernel.inner + row / (size[2] * size[1]) % size[0] * kernel.axis[0] +
           row / size[2] % size[1] * kernel.axis[1] + row % size[2] * kernel.axis[2];
  };
  const T* from = kernel.data + out_channel * kernel.outer;
  const Index height = last - first;
  bool neighbors = true;
  for (Index row = first + 1; row < last; ++row) neighbors = neighbors && offset(row) == offset(row - 1) + 1;
  Index o = 0;
  if (neighbors && kernel.outer >= height + kernels_->lanes) {
    // Whole vectors, each overwriting what the one before it wrote too much: but not beyond the end of either side.
    const Index last_whole = geometry_.out_channels - divide_up(kernels_->lanes, height) - 1;
    kernels::PanelCopy copies[kernels::max_tile_rows];
    Index vectors = 0;
    for (Index row = 0; row < height; row += kernels_->lanes) copies[vectors++] = {offset(first) + row, row};
    constexpr Index at_once = 64;
    Index offsets[at_once];
    while (o < last_whole) {
      const Index some = smaller(at_once, last_whole - o);
      for (Index i = 0; i < some; ++i) offsets[i] = (o + i) * kernel.outer;
      kernels_->expand(from, offsets, some, copies, vectors, to + o * height, height);
      o += some;
    }
  }
  for (; o < geometry_.out_channels; ++o)
    for (Index row = first; row < last; ++row) to[o * height + row - first] = from[o * kernel.outer + offset(row)];
}

template <class T>
void GradInputColumns<T>::run(const Tensor<const T>& grad_output, const Tensor<const T>& kernel, const T* packed,
                              const Tensor<T>& grad_input, void* workspace) const noexcept {
  if (packed == nullptr) {
    T* to = at_offset<T>(workspace, packed_);
    pack(kernel, to);
    packed = to;
  }
  const Index tasks = geometry_.groups * divide_up(geometry_.batch, images_) * bands_ *
                      divide_up(geometry_.in_channels, channels_per_task_);
  parallel_for(threads_, tasks, [&](Index index, int number) {
    void* area = at_offset<char>(workspace, worker_begin_ + static_cast<std::size_t>(number) * worker_bytes_);
    const Worker worker{at_offset<T>(area, strip_),
                        at_offset<T>(area, panels_),
                        at_offset<T>(area, products_),
                        at_offset<T>(area, sums_),
                        at_offset<T>(area, row_),
                        at_offset<T>(area, zeros_),
                        at_offset<Index>(area, row_offsets_),
                        at_offset<Index>(area, channel_offsets_),
                        at_offset<Index>(area, reduction_),
                        at_offset<kernels::BlockCopy>(area, copies_)};
    run_task(find_task(index), grad_output, packed, grad_input, worker);
  });
}

template <class T>
void GradInputColumns<T>::run_task(const Task& task, const Tensor<const T>& grad_output, const T* packed,
                                   const Tensor<T>& grad_input, const Worker& worker) const noexcept {
  if (task.band_begin == task.band_end) return;
  for (Index i = 0; i < kernels_->lanes * kernels_->tile_vectors; ++i) worker.zeros[i] = T{0};
  for (Index i = 0; i < kernels_->tile_rows; ++i) {
    worker.row_offsets[i] = i;
    for (Index o = 0; o < run_; ++o) worker.reduction[i * run_ + o] = o * (i + 1);
  }

  Index first[axes] = {0, 0, 0};
  Index last[axes] = {geometry_.output[0], geometry_.output[1], geometry_.output[2]};
  first[band_axis_] = task.first_pixel;
  last[band_axis_] = task.last_pixel;
  Index step[axes];
  for (int a = 0; a < axes; ++a) step[a] = even_piece(last[a] - first[a], size_[a]);

  PixelBlock block;
  block.first_image = task.first_image;
  block.images = task.images;
  for (block.first[0] = first[0]; block.first[0] < last[0]; block.first[0] += step[0])
    for (block.first[1] = first[1]; block.first[1] < last[1]; block.first[1] += step[1])
      for (block.first[2] = first[2]; block.first[2] < last[2]; block.first[2] += step[2]) {
        for (int a = 0; a < axes; ++a) block.size[a] = smaller(step[a], last[a] - block.first[a]);
        run_block(task, block, grad_output, packed, grad_input, worker);
      }
}

template <class T>
void GradInputColumns<T>::run_block(const Task& task, const PixelBlock& pixels, const Tensor<const T>& grad_output,
                                    const T* packed, const Tensor<T>& grad_input, const Worker& worker) const noexcept {
  PhaseTimer timer(Phase::packing_input);
  const TapBlock all{0, product_.in_channels, {0, 0, 0}, {1, 1, 1}, 0};
  Tensor<const T> from = grad_output;
  from.data += task.group * product_.in_channels * from.inner;
  StripShape shape(product_, pixels.images, pixels.size, all.channels, all.size, StripShape::Order::pixels_adjacent);
  const T* strip = worker.strip;
  const Index width = Index{kernels_->lanes} * kernels_->tile_vectors;
  const Index channels_left = (geometry_.groups - task.group) * product_.in_channels;
  const bool in_place = shape.in_place(product_, pixels, all, from, channels_left, width, strip);
  if (!in_place) shape.pack(*kernels_, product_, pixels, all, from, worker.strip);
  shape.fill_tap_offsets(all, worker.channel_offsets);
  const PixelBox box{pixels.images, {pixels.size[0], pixels.size[1], pixels.size[2]}};
  T* panels = worker.panels;
  for (Index done = 0; done < all.channels; done += run_) {
    const Index length = smaller(run_, all.channels - done);
    expand_panels(*kernels_, shape, box, strip, in_place, worker.channel_offsets + done, length, worker.copies, panels);
    panels += panel_elements(padded_pixels_, length);
  }

  SumSpan span[axes];
  for (int a = 0; a < axes; ++a) span[a] = find_span(a, task, pixels.first[a], pixels.size[a]);
  const Index taps = geometry_.taps_per_channel();
  for (Index done = 0; done < task.channels; done += channels_) {
    const Index channels = smaller(channels_, task.channels - done);
    const Index channel = task.group * geometry_.in_channels + task.first_channel + done;
    Tensor<T> to = grad_input;
    to.data += pixels.first_image * to.outer + channel * to.inner;
    const ColumnSums<T> sums(geometry_, pixels.images, pixels.size, channels);
    timer.next(Phase::storing);
    sums.start(*kernels_, span, to, worker.sums);
    const Index rows = channels * taps;
    const Index tiles = divide_up(rows, kernels_->tile_rows);
    StoreAhead ahead = sums.ahead(span, to, tiles * divide_up(box.count(), width));
    const T* weights = packed + channel * taps * geometry_.out_channels;
    for (Index last = tiles; last > 0; last -= smaller(last, tiles_)) {
      const Index first = larger(0, last - tiles_);
      timer.next(Phase::multiplying);
      multiply(weights, rows, first, last, box.count(), ahead, worker);
      timer.next(Phase::adding_sums);
      sums.add(*kernels_, worker.products, product_pitch_, rows * first / tiles, rows * last / tiles, worker.sums);
    }
    timer.next(Phase::storing);
    sums.store(*kernels_, span, worker.sums, worker.row, to);
  }
}

// Tiles first .. last - 1 of the `rows` of a chunk, for all pixels of the block. A panel stays in the first-level cache
// while the tiles, less than half as large, pass by.
template <class T>
void GradInputColumns<T>::multiply(const T* weights, Index rows, Index first, Index last, Index pixels,
                                   StoreAhead& ahead, const Worker& worker) const noexcept {
  const Index tiles = divide_up(rows, kernels_->tile_rows);
  const Index base = rows * first / tiles;
  const T* panels = worker.panels;
  for (Index done = 0; done < geometry_.out_channels; done += run_) {
    const Index length = smaller(run_, geometry_.out_channels - done);
    Index width = 0;
    for (Index begin = 0; begin < pixels; begin += width) {
      width = panel_width(*kernels_, pixels - begin);
      for (Index tile = first; tile < last; ++tile) {
        const Index row = rows * tile / tiles;
        const Index height = rows * (tile + 1) / tiles - row;
        T* product = worker.products + (row - base) * product_pitch_ + begin;
        if (done == 0) ahead.step();
        kernels_->tile[width / kernels_->lanes - 1][height - 1](
            weights + row * geometry_.out_channels + done * height, worker.row_offsets,
            {worker.reduction + (height - 1) * run_, length, 1, 0}, panels + panel_offset(begin, length),
            done == 0 ? worker.zeros : product, done == 0 ? 0 : product_pitch_, product, product_pitch_);
      }
    }
    panels += panel_elements(padded_pixels_, length);
  }
}

template class GradInputColumns<float>;
template class GradInputColumns<double>;

}  // namespace convgrad::gemm
