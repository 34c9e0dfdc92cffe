#include "algorithms/gemm/grad_kernel/pixel_sums.hpp"

#include "algorithms/gemm/grad_kernel/sum_cuts.hpp"

namespace convgrad::gemm {

namespace {

// So many elements, but whole vectors.
template <class T>
Index whole_vectors(Index elements) noexcept {
  return round_up(larger(1, elements), kernels::sum_lanes<T>);
}

}  // namespace

// --- Decide: from the shape, the type, the threads and the machine.

template <class T>
PixelSums<T>::PixelSums(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept
    : geometry_(geometry),
      kernels_(&kernels),
      tasks_(cut_pixel_sums(geometry, kernels)),
      tiles_(geometry, kernels, tasks_.blocking().most_taps()) {
  const Tuning& tuning = tuning_of(kernels);
  const Index useful = useful_threads(tuning, geometry, threads);
  tasks_.share(tuning, useful, tiles_.channels());
  areas_.workers = workers_for(tasks_.count(), useful);
  input_in_place_ = tuning.pixel_sums_input_in_place != 0;
  grad_in_place_ = tuning.pixel_sums_grad_in_place != 0;
  fewest_transposed_ = tuning.pixel_sums_transposed_channels;
  prefetches_grad_ = output_bytes<T>(geometry) > tuning.pixel_sums_prefetch_grad;
  prefetches_input_ = input_bytes<T>(geometry) > tuning.pixel_sums_prefetch_input;
  decide_pieces(tuning);
  reserve_areas();
}

// Pieces are of whole rows or, of a longer row, of whole vectors.
template <class T>
void PixelSums<T>::decide_pieces(const Tuning& tuning) noexcept {
  constexpr Index size = sizeof(T);
  constexpr Index lanes = kernels::sum_lanes<T>;
  const Blocking& blocking = tasks_.blocking();
  const Index channels = tasks_.channels_per_item();
  const bool read_once = channels <= kernels::max_dot_rows;
  piece_pixels_ = read_once ? blocking.most_pixels() : whole_vectors<T>(tuning.pixel_sums_piece / size);
  strip_pixels_ = piece_pixels_;
  if (geometry_.taps_per_channel() == 1)
    strip_pixels_ =
        smaller(strip_pixels_, whole_vectors<T>(divide_up(tuning.pixel_sums_strip_piece / size, blocking.most_taps())));
  // Rows of G are padded to whole vectors when they are copied.
  const Index vectors = larger(1, tuning.pixel_sums_grad_piece / size / channels / lanes);
  copied_pixels_ = larger(vectors * smaller(geometry_.output[2], lanes), 1);
}

template <class T>
void PixelSums<T>::reserve_areas() noexcept {
  constexpr Index lanes = kernels::sum_lanes<T>;
  const Blocking& blocking = tasks_.blocking();
  const Index channels = tasks_.channels_per_item();
  const Index taps = blocking.most_taps();
  const Index width = larger(1, geometry_.output[2]);
  Index strip = blocking.strip_room();
  if (geometry_.taps_per_channel() == 1) strip = smaller(strip, StripShape::room(strip_pixels_, taps));
  // Of several rows, each of them padded, or of one, a piece that is.
  const Index copied =
      larger(divide_up(copied_pixels_, smaller(width, lanes)) * lanes, copied_pixels_ / width * round_up(width, lanes));
  part_elements_ = channels * taps;
  if (tasks_.parts() > 1) areas_.shared.reserve(&PartSums<T>::sums, tasks_.count() * part_elements_);
  areas_.own.reserve(&Area::strip, strip + 2 * lanes);
  areas_.own.reserve(&Area::rows, channels * copied);
  areas_.own.reserve(&Area::lanes, part_elements_ * lanes);
  areas_.own.reserve(&Area::left_rows, blocking.most_rows());
  areas_.own.reserve(&Area::right_rows, blocking.most_rows());
  areas_.own.reserve(&Area::tap_offsets, taps);
}

template <class T>
void PixelSums<T>::describe(Text& text) const noexcept {
  text.line("way", "%s", "pixel_sums");
  tasks_.describe(text);
  const auto in_place = [](bool may) { return may ? ", unless its pixels are neighbors" : ""; };
  const auto at_once = [&](Index pixels) { return static_cast<long long>(smaller(pixels, piece_pixels_)); };
  text.line("copies", "V into a strip%s%s: at most %lld pixels at once", in_place(input_in_place_),
            input_in_place_ ? " and no border is met" : "", at_once(strip_pixels_));
  text.line("copies", "G into rows of pixels%s: at most %lld at once", in_place(grad_in_place_),
            at_once(copied_pixels_));
  if (prefetches_grad_ || prefetches_input_)
    text.line("prefetch", "of the next piece:%s%s", prefetches_grad_ ? " G" : "", prefetches_input_ ? " V" : "");
}

// --- Bind: to a run's operands.

template <class T>
typename PixelSums<T>::Binding PixelSums<T>::bind(const Tensor<const T>& grad_output,
                                                  const Tensor<const T>& input) const noexcept {
  bool in_rows = grad_in_place_ && grad_output.axis[2] == 1 && grad_output.inner >= 0 && grad_output.outer >= 0;
  for (int a = 0; a < axes; ++a) in_rows = in_rows && grad_output.axis[a] >= 0;
  return {grad_output, input, in_rows, grad_output.inner == 1 ? fewest_transposed_ : INT64_MAX};
}

template PixelSums<float>::PixelSums(const Geometry&, const kernels::KernelSet<float>&, int) noexcept;
template PixelSums<double>::PixelSums(const Geometry&, const kernels::KernelSet<double>&, int) noexcept;
template void PixelSums<float>::describe(Text&) const noexcept;
template void PixelSums<double>::describe(Text&) const noexcept;
template PixelSums<float>::Binding PixelSums<float>::bind(const Tensor<const float>&,
                                                          const Tensor<const float>&) const noexcept;
template PixelSums<double>::Binding PixelSums<double>::bind(const Tensor<const double>&,
                                                            const Tensor<const double>&) const noexcept;

}  // namespace convgrad::gemm
