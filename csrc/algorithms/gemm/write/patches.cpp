#include "algorithms/gemm/write/patches.hpp"

#include <cstring>

#include "algorithms/common/pixel_box.hpp"
#include "algorithms/gemm/sum_order.hpp"

namespace convgrad::gemm {

namespace {

constexpr Index pixels_at_once = 64;  // Structural: those that are transposed together have room on the stack

template <class T>
void clear(T* to, Index count, Index step) noexcept {
  if (step == 1)
    std::memset(to, 0, static_cast<std::size_t>(larger(0, count)) * sizeof(T));
  else
    for (Index i = 0; i < count; ++i) to[i * step] = T{0};
}

// A row of pixels, or a piece of one, and the part of dV that is its own: up to the next pixel's, or to the end.
struct Row {
  Index pixels;
  Index image;
  Index first[axes];  // position in dV
  Index size[axes];
};

Row find_row(const Geometry& layer, const PixelBlock& block, const PixelCursor& place, Index pixels) noexcept {
  Row row{};
  row.pixels = pixels;
  row.image = block.first_image + place.image();
  const Index within[axes] = {place.plane(), place.row(), place.column()};
  const Index count[axes] = {1, 1, pixels};
  for (int a = 0; a < axes; ++a) {
    const Index pixel = block.first[a] + within[a];
    row.first[a] = pixel * layer.stride[a];
    row.size[a] = pixel + count[a] == layer.output[a] ? layer.input[a] - row.first[a] : count[a] * layer.stride[a];
  }
  return row;
}

// Zeros on the rows and planes below a row of patches.
template <class T>
void clear_below(const Geometry& layer, const Row& row, T* to, const Tensor<T>& grad_input) noexcept {
  for (Index i = 0; i < row.size[0]; ++i)
    for (Index j = i < layer.kernel[0] ? layer.kernel[1] : 0; j < row.size[1]; ++j)
      clear(to + i * grad_input.axis[0] + j * grad_input.axis[1], row.size[2], grad_input.axis[2]);
}

// A row of pixels of a kernel of one tap, two elements apart, and the zeros around them. `neighbors` are those of one
// lane after the other, and `to` is dV at the first pixel and lane.
template <class T>
void store_apart(const kernels::KernelSet<T>& kernels, const Geometry& layer, const T* neighbors, Index pitch,
                 const Row& row, Index lanes, T* to, const Tensor<T>& grad_input) noexcept {
  const bool followed = row.size[0] == 1 && row.size[2] == layer.input[2] && grad_input.axis[1] == layer.input[2];
  const Index length = row.size[2] * (followed ? row.size[1] : 1);
  kernels.spread(neighbors, pitch, lanes, row.pixels, length, to, grad_input.inner);
  if (followed) return;
  for (Index lane = 0; lane < lanes; ++lane) clear_below(layer, row, to + lane * grad_input.inner, grad_input);
}

// A row of pixels of a kernel of one tap, and the zeros around them, where channels are neighbors in memory. `to` is
// dV at the first pixel and lane.
template <class T>
void store_channels(const kernels::KernelSet<T>& kernels, const Geometry& layer, const T* panel, Index width,
                    const Row& row, Index lanes, T* to, const Tensor<T>& grad_input) noexcept {
  // Copies, since nobody can tell that zeros do not go there.
  const Index pitch[axes] = {grad_input.axis[0], grad_input.axis[1], grad_input.axis[2]};
  const Index size[axes] = {row.size[0], row.size[1], row.size[2]};
  const Index next = pitch[2];
  const Index step = layer.stride[2];
  const Index pixels = row.pixels;
  kernels.copy_rows(panel, width, row.pixels, lanes, to, step * next);
  for (Index i = 0; i < size[0]; ++i)
    for (Index j = 0; j < size[1]; ++j)
      for (Index k = 0; k < size[2]; ++k)
        if (i + j > 0 || k % step > 0 || k / step >= pixels)
          clear(to + i * pitch[0] + j * pitch[1] + k * next, lanes, 1);
}

PatchLayout find_layout(const Geometry& layer, Index pixel_step, Index channel_step) noexcept {
  const Index step = layer.stride[2];
  const bool one_tap = layer.taps_per_channel() == 1;
  if (pixel_step == 1 && step <= 2) return one_tap && step == 2 ? PatchLayout::spread : PatchLayout::interleave;
  if (one_tap && channel_step == 1 && pixel_step != 1) return PatchLayout::channels;
  return pixel_step == 1 ? PatchLayout::rows : PatchLayout::scatter;
}

// Writes the lanes of one panel to dV, a row of pixels at a time.
template <class T>
class PatchWriter {
 public:
  PatchWriter(const kernels::KernelSet<T>& kernels, const Geometry& layer, PatchLayout layout, const PanelLanes& lanes,
              const Tensor<T>& grad_input) noexcept
      : kernels_(kernels),
        layer_(layer),
        layout_(layout),
        lanes_(lanes),
        grad_input_(grad_input),
        by_lane_(layout == PatchLayout::spread || layout == PatchLayout::interleave),
        pitch_((layer.stride[2] > layer.kernel[2] ? 2 : 1) * pixels_at_once) {
    // Every other lane of zeros, for the gaps of a row.
    if (layout == PatchLayout::interleave && layer.stride[2] > layer.kernel[2])
      clear(neighbors_, lanes.count * pitch_, 1);
  }

  void write(const Chunk<T>& chunk, const PixelBlock& block) noexcept {
    const PixelBox box{block.images, {block.size[0], block.size[1], block.size[2]}};
    PixelCursor place(box);
    place.advance(chunk.first);
    for (Index p = chunk.first; p < chunk.last;) {
      const Index some = smaller(pixels_at_once, chunk.last - p);
      const T* const sums = chunk.sums + (p - chunk.first) * lanes_.width;
      if (by_lane_) kernels_.transpose(sums, lanes_.width, some, lanes_.count, neighbors_, pitch_);
      for (Index done = 0; done < some;) {
        const Row row = find_row(layer_, block, place, smaller(place.left_in_row(), some - done));
        write_row(row, sums + done * lanes_.width, neighbors_ + done);
        done += row.pixels;
        place.advance(row.pixels);
      }
      p += some;
    }
  }

 private:
  // `sums` are those of the row's pixels, and `neighbors`, if the layout is by lane, the same transposed.
  void write_row(const Row& row, const T* sums, const T* neighbors) const noexcept {
    T* const at = grad_input_.data + row.image * grad_input_.outer + row.first[0] * grad_input_.axis[0] +
                  row.first[1] * grad_input_.axis[1] + row.first[2] * grad_input_.axis[2];
    if (layout_ == PatchLayout::spread)
      store_apart(kernels_, layer_, neighbors, pitch_, row, lanes_.count, at + lanes_.first * grad_input_.inner,
                  grad_input_);
    else if (layout_ == PatchLayout::channels)
      store_channels(kernels_, layer_, sums, lanes_.width, row, lanes_.count, at + lanes_.first, grad_input_);
    else
      write_kernel_rows(row, sums, neighbors, at);
  }

  // Lanes that are a row of the kernel together, one row after the other.
  void write_kernel_rows(const Row& row, const T* sums, const T* neighbors, T* at) const noexcept {
    const Index kernel[axes] = {layer_.kernel[0], layer_.kernel[1], layer_.kernel[2]};
    const Index taps = layer_.taps_per_channel();
    const Tensor<T> grad_input = grad_input_;
    const Index next = grad_input.axis[2];
    const PanelLanes lanes = lanes_;
    for (Index lane = 0, together = 1; lane < lanes.count; lane += together) {
      const Index tap = (lanes.first + lane) % taps;
      const Index k = tap % kernel[2];
      T* const channel = at + (lanes.first + lane) / taps * grad_input.inner;
      T* const to = channel + tap / (kernel[2] * kernel[1]) * grad_input.axis[0] +
                    tap / kernel[2] % kernel[1] * grad_input.axis[1];
      together = smaller(kernel[2] - k, lanes.count - lane);
      Index written = row.pixels * layer_.stride[2];
      if (by_lane_) {
        written = smaller(written, row.size[2]);
        kernels_.interleave(neighbors + lane * pitch_, pixels_at_once, layer_.stride[2], 0, written, 1, 0, to, 0);
      } else {
        write_taps(row.pixels, sums + lane, together, to + k * next);
      }
      if (k + together < kernel[2]) continue;
      if (!by_lane_) clear_gaps(row, to);
      if (row.size[2] > written) clear(to + written * next, row.size[2] - written, next);
      if (tap + together == taps) clear_below(layer_, row, channel, grad_input);
    }
  }

  // Some taps of a row of the kernel, for each pixel.
  void write_taps(Index pixels, const T* sums, Index taps, T* to) const noexcept {
    const Index next = grad_input_.axis[2];
    if (layout_ == PatchLayout::rows) return kernels_.copy_rows(sums, lanes_.width, pixels, taps, to, layer_.stride[2]);
    const Index width = lanes_.width;
    const Index step = layer_.stride[2] * next;
    for (Index i = 0; i < pixels; ++i) scatter(sums + i * width, taps, to + i * step, next);
  }

  // Zeros between the patches of a row.
  void clear_gaps(const Row& row, T* to) const noexcept {
    const Index step = layer_.stride[2];
    const Index taps = layer_.kernel[2];
    const Index next = grad_input_.axis[2];
    const Index pixels = step > taps ? row.pixels : 0;
    const Index size = row.size[2];
    for (Index i = 0; i < pixels; ++i)
      clear(to + (i * step + taps) * next, smaller(step, size - i * step) - taps, next);
  }

  const kernels::KernelSet<T>& kernels_;
  const Geometry& layer_;
  const PatchLayout layout_;
  const PanelLanes lanes_;
  const Tensor<T>& grad_input_;
  const bool by_lane_;
  const Index pitch_;  // from one lane's neighbors to the next
  T neighbors_[kernels::max_tile_vectors * kernels::sum_lanes<T> * 2 * pixels_at_once];
};

}  // namespace

bool has_patches(const Geometry& layer) noexcept {
  bool strided = false;
  for (int a = 0; a < axes; ++a) {
    const bool apart = layer.stride[a] >= layer.kernel[a] && (layer.kernel[a] == 1 || layer.dilation[a] == 1);
    const bool whole = layer.padding[a] == 0 && layer.output[a] > 0 &&
                       (layer.output[a] - 1) * layer.stride[a] + layer.kernel[a] <= layer.input[a];
    if (!apart || !whole) return false;
    strided = strided || layer.stride[a] > 1;
  }
  return strided && layer.in_channels * layer.taps_per_channel() >= sum_order::patches_fewest_lanes;
}

Geometry patch_product(const Geometry& layer) noexcept {
  Geometry product;
  product.batch = layer.batch;
  product.groups = layer.groups;
  product.in_channels = layer.out_channels;
  product.out_channels = layer.in_channels * layer.taps_per_channel();
  for (int a = 0; a < axes; ++a) product.input[a] = product.output[a] = layer.output[a];
  return product;
}

template <class T>
void PatchSink<T>::pack(Weights<T> weights, const PanelLanes& lanes, Index channels, T* panel) const noexcept {
  const Index* const size = layer_.kernel;
  const Index taps = layer_.taps_per_channel();
  const auto offset = [&](Index lane) {
    const Index tap = lane % taps;
    return lane / taps * weights.lane + tap / (size[2] * size[1]) * weights.axis[0] +
           tap / size[2] % size[1] * weights.axis[1] + tap % size[2] * weights.axis[2];
  };
  const Index first = offset(lanes.first);
  bool neighbors = true;
  for (Index lane = 1; lane < lanes.count; ++lane) neighbors = neighbors && offset(lanes.first + lane) == first + lane;
  if (neighbors) {
    weights.data += first;
    weights.lane = 1;
    return pack_weights(*kernels_, weights, channels, {1, 1, 1}, lanes.count, lanes.width, panel);
  }
  for (Index lane = 0; lane < lanes.width; ++lane) {
    const bool used = lane < lanes.count;
    const T* from = weights.data + (used ? offset(lanes.first + lane) : 0);
    for (Index c = 0; c < channels; ++c) panel[c * lanes.width + lane] = used ? from[c * weights.channel] : T{0};
  }
}

template <class T>
PatchSink<T>::Block::Block(const PatchSink& sink, const Tensor<T>& grad_input, Index group,
                           const PixelBlock& pixels) noexcept
    : sink_(sink),
      pixels_(pixels),
      count_(pixels.count()),
      grad_input_(grad_input),
      layout_(find_layout(sink.layer_, grad_input.axis[2], grad_input.inner)) {
  grad_input_.data += group * sink.layer_.in_channels * grad_input.inner;
}

template <class T>
Index PatchSink<T>::Block::chunk_end(Index first) const noexcept {
  const Index row = pixels_.size[2];
  if (row > pixels_at_once) return sink_.cut_.end(first, count_, row);
  const Index tile_rows = sink_.kernels_->tile_rows;
  Index best = row;
  for (Index pixels = 2 * row; pixels <= pixels_at_once; pixels += row)
    if (round_up(pixels, tile_rows) * best <= round_up(best, tile_rows) * pixels) best = pixels;
  return smaller(count_, first + best);
}

// Where a kernel has one tap: the patches of a row and what lies between them are one row of memory.
template <class T>
void PatchSink<T>::Block::prefetch_chunk(Index begin, Index end, const PanelLanes& lanes,
                                         Prefetch<T>& prefetch) const noexcept {
  const Geometry& layer = sink_.layer_;
  const Index next = grad_input_.axis[2];
  prefetch = {};
  if (layer.taps_per_channel() > 1 || pixels_.images > 1 || pixels_.size[0] > 1) return;
  if (pixels_.size[2] < layer.output[2] || grad_input_.axis[1] != layer.input[2] * next) return;
  const Index first = (pixels_.first[1] + begin / pixels_.size[2]) * layer.stride[1];
  const Index last = (pixels_.first[1] + divide_up(end, pixels_.size[2])) * layer.stride[1];
  const T* to = grad_input_.data + pixels_.first_image * grad_input_.outer + lanes.first * grad_input_.inner +
                pixels_.first[0] * layer.stride[0] * grad_input_.axis[0] + first * grad_input_.axis[1];
  const Index count = (smaller(last, layer.input[1]) - first) * layer.input[2];
  const Index steps = divide_up(end - begin, sink_.kernels_->tile_rows);
  if (next == 1)
    prefetch = {{to, grad_input_.inner, lanes.count, count}, steps};
  else if (grad_input_.inner == 1)
    prefetch = {{to, next, count, lanes.count}, steps};
}

template <class T>
void PatchSink<T>::Block::store(const Chunk<T>& chunk, const PanelLanes& lanes) const noexcept {
  PatchWriter<T>(*sink_.kernels_, sink_.layer_, layout_, lanes, grad_input_).write(chunk, pixels_);
}

template class PatchSink<float>;
template class PatchSink<double>;

}  // namespace convgrad::gemm
