#include "algorithms/gemm/grad_kernel_channel_lanes.hpp"

#include "algorithms/gemm/strip.hpp"
#include "algorithms/gemm/tiles.hpp"
#include "core/parallel.hpp"
#include "core/workspace.hpp"

namespace convgrad::gemm {

namespace {

// All of these shape the order of the sum or the size of an item, so they must not depend on the instruction set.
constexpr Index strip_bytes = Index{384} << 10;
constexpr Index accumulator_bytes = Index{320} << 10;
constexpr Index partial_bytes = Index{768} << 10;
constexpr Index pixels_per_block = 256;
constexpr Index fewest_channels_per_item = 128;
constexpr Index most_channels_per_item = 512;
constexpr Index widest_panel_bytes = 128;  // of any instruction set
constexpr Index items_wanted = 32;         // enough to keep many threads busy
constexpr double multiplications_per_part = 1e6;

}  // namespace

template <class T>
struct GradKernelChannelLanes<T>::Item {
  Index group;
  Index first_channel;  // output channels
  PanelSplit panels;
  TapBlock taps;
};

template <class T>
struct GradKernelChannelLanes<T>::Worker {
  T* strip;
  T* panel;
  Index* pixel_offsets;
  Index* tap_offsets;
};

template <class T>
GradKernelChannelLanes<T>::GradKernelChannelLanes(const Geometry& geometry, const kernels::KernelSet<T>& kernels,
                                                  int threads) noexcept
    : geometry_(geometry), kernels_(&kernels) {
  constexpr Index size = sizeof(T);
  // As many output channels as share a strip: more where there are fewer taps to keep sums for.
  const Index taps = larger(1, geometry.in_channels * geometry.taps_per_channel());
  const Index fitting = accumulator_bytes / size / taps / (widest_panel_bytes / size) * (widest_panel_bytes / size);
  const Index most = smaller(most_channels_per_item, larger(fewest_channels_per_item, fitting));
  const Index blocks_of_channels = divide_up(geometry.out_channels, most);
  channels_per_item_ = larger(1, divide_up(geometry.out_channels, larger(1, blocks_of_channels)));
  const Index padded = round_up(channels_per_item_, widest_panel_bytes / size);
  blocking_ = Blocking(geometry, {pixels_per_block, accumulator_bytes / size / padded, strip_bytes / size, false});
  accumulator_elements_ = padded * blocking_.most_taps();

  const Index whole = items();
  const Index by_work = 1 + static_cast<Index>(smaller(items_wanted, static_cast<Index>(geometry.multiplications() /
                                                                                        multiplications_per_part)));
  const Index by_memory = partial_bytes / size / larger(1, saturating_product(accumulator_elements_, whole));
  parts_ = smaller(smaller(by_work, by_memory),
                   smaller(divide_up(items_wanted, larger(1, whole)), blocking_.pixel_blocks()));
  parts_ = larger(1, parts_);

  const Index useful = useful_threads(geometry, threads);
  threads_ = static_cast<int>(larger(1, smaller(useful, whole * parts_)));

  WorkspaceLayout shared;
  if (parts_ > 1) partial_ = shared.reserve<T>(whole * parts_ * accumulator_elements_);
  worker_begin_ = shared.bytes();
  WorkspaceLayout worker;
  strip_ = worker.reserve<T>(blocking_.strip_elements());
  panel_ = worker.reserve<T>(blocking_.most_pixels() * widest_panel_bytes / size);
  if (parts_ == 1) accumulators_ = worker.reserve<T>(accumulator_elements_);
  pixel_offsets_ = worker.reserve<Index>(blocking_.most_pixels());
  tap_offsets_ = worker.reserve<Index>(blocking_.most_taps());
  worker_bytes_ = worker.bytes();
}

template <class T>
Index GradKernelChannelLanes<T>::items() const noexcept {
  if (geometry_.in_channels == 0 || geometry_.out_channels == 0) return 0;
  return geometry_.groups * divide_up(geometry_.out_channels, channels_per_item_) * blocking_.tap_blocks();
}

template <class T>
typename GradKernelChannelLanes<T>::Item GradKernelChannelLanes<T>::item(Index index) const noexcept {
  Item item;
  item.taps = blocking_.tap_block(index % blocking_.tap_blocks());
  index /= blocking_.tap_blocks();
  const Index blocks = divide_up(geometry_.out_channels, channels_per_item_);
  item.first_channel = index % blocks * channels_per_item_;
  item.panels = PanelSplit(*kernels_, smaller(channels_per_item_, geometry_.out_channels - item.first_channel));
  item.group = index / blocks;
  return item;
}

template <class T>
void GradKernelChannelLanes<T>::run(const Tensor<const T>& grad_output, const Tensor<const T>& input,
                                    const Tensor<T>& grad_kernel, void* workspace) const noexcept {
  T* partial = at_offset<T>(workspace, partial_);
  parallel_for(threads_, items() * parts_, [&](Index index, int number) {
    void* area = at_offset<char>(workspace, worker_begin_ + static_cast<std::size_t>(number) * worker_bytes_);
    const Worker worker{at_offset<T>(area, strip_), at_offset<T>(area, panel_), at_offset<Index>(area, pixel_offsets_),
                        at_offset<Index>(area, tap_offsets_)};
    const Item here = item(index / parts_);
    T* accumulators = parts_ > 1 ? partial + index * accumulator_elements_ : at_offset<T>(area, accumulators_);
    accumulate(here, index % parts_, grad_output, input, worker, accumulators);
    if (parts_ == 1) store(here, accumulators, grad_kernel);
  });
  if (parts_ == 1) return;

  parallel_for(threads_, items(), [&](Index index, int) {
    T* first = partial + index * parts_ * accumulator_elements_;
    for (Index distance = 1; distance < parts_; distance *= 2)
      for (Index i = 0; i + distance < parts_; i += 2 * distance) {
        T* sum = first + i * accumulator_elements_;
        const T* other = sum + distance * accumulator_elements_;
        for (Index e = 0; e < accumulator_elements_; ++e) sum[e] += other[e];
      }
    store(item(index), first, grad_kernel);
  });
}

template <class T>
void GradKernelChannelLanes<T>::accumulate(const Item& item, Index part, const Tensor<const T>& grad_output,
                                           const Tensor<const T>& input, const Worker& worker,
                                           T* accumulators) const noexcept {
  const Index taps = item.taps.count();
  for (Index e = 0; e < accumulator_elements_; ++e) accumulators[e] = T{0};
  Tensor<const T> group_input = input;
  group_input.data += item.group * geometry_.in_channels * input.inner;
  Tensor<const T> item_grad = grad_output;
  item_grad.data += (item.group * geometry_.out_channels + item.first_channel) * grad_output.inner;

  const Index blocks = blocking_.pixel_blocks();
  for (Index b = blocks * part / parts_; b < blocks * (part + 1) / parts_; ++b) {
    const PixelBlock pixels = blocking_.pixel_block(b);
    const PixelBox box{pixels.images, {pixels.size[0], pixels.size[1], pixels.size[2]}};
    StripShape shape(geometry_, pixels.images, pixels.size, item.taps.channels, item.taps.size,
                     StripShape::natural_order(input));
    const T* strip = worker.strip;
    // A strip is read once for each panel and tap of a channel. Where that is seldom, the input itself serves as well.
    const Index channels_left = (geometry_.groups - item.group) * geometry_.in_channels;
    const bool in_place = geometry_.taps_per_channel() == 1 &&
                          shape.in_place(geometry_, pixels, item.taps, group_input, channels_left, 1, strip);
    if (!in_place) shape.pack(*kernels_, geometry_, pixels, item.taps, group_input, worker.strip);
    shape.fill_pixel_offsets(pixels, worker.pixel_offsets);
    shape.fill_tap_offsets(item.taps, worker.tap_offsets);

    Tensor<const T> block_grad = item_grad;
    block_grad.data += pixels.first_image * grad_output.outer;
    for (int a = 0; a < axes; ++a) block_grad.data += pixels.first[a] * grad_output.axis[a];
    for (Index panel = 0; panel < item.panels.count(); ++panel) {
      const Index first_lane = item.panels.first_lane(panel);
      const Index width = item.panels.width(panel);
      Tensor<const T> from = block_grad;
      from.data += first_lane * grad_output.inner;
      pack_pixels(*kernels_, from, box, item.panels.used_lanes(panel), width, worker.panel);
      run_tiles<T>(*kernels_, item.panels.vectors(panel), strip, worker.tap_offsets, taps, worker.pixel_offsets,
                   pixels.count(), worker.panel, {nullptr, 0, accumulators + first_lane * taps, width});
    }
  }
}

template <class T>
void GradKernelChannelLanes<T>::store(const Item& item, const T* accumulators,
                                      const Tensor<T>& grad_kernel) const noexcept {
  // Taps take the place of pixels, and input channels that of images: dK's block is a box of the same kind.
  const PixelBox box{item.taps.channels, {item.taps.size[0], item.taps.size[1], item.taps.size[2]}};
  Tensor<T> to;
  to.outer = grad_kernel.inner;
  to.inner = grad_kernel.outer;
  to.data = grad_kernel.data + (item.group * geometry_.out_channels + item.first_channel) * grad_kernel.outer +
            item.taps.first_channel * grad_kernel.inner;
  for (int a = 0; a < axes; ++a) {
    to.axis[a] = grad_kernel.axis[a];
    to.data += item.taps.first[a] * grad_kernel.axis[a];
  }
  for (Index panel = 0; panel < item.panels.count(); ++panel) {
    const Index first_lane = item.panels.first_lane(panel);
    Tensor<T> panel_to = to;
    panel_to.data += first_lane * grad_kernel.outer;
    unpack_pixels(*kernels_, accumulators + first_lane * box.count(), item.panels.width(panel), box, 0, box.count(),
                  item.panels.used_lanes(panel), panel_to);
  }
}

template class GradKernelChannelLanes<float>;
template class GradKernelChannelLanes<double>;

}  // namespace convgrad::gemm
