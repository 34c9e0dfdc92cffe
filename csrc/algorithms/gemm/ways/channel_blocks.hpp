// What the two ways with output channels as lanes share: how large their blocks are, how the input under a block is
// read, and what all workers share.
#pragma once

#include "algorithms/common/machine.hpp"
#include "algorithms/gemm/panels/panel_split.hpp"
#include "algorithms/read/blocking.hpp"
#include "algorithms/read/strip.hpp"
#include "algorithms/tuning.hpp"
#include "core/text.hpp"

namespace convgrad::gemm {

// For blocks of all pixels of ChannelsByTile. `size` is that of an element.
BlockingLimits channel_block_limits(const Tuning& tuning, const Geometry& geometry, Index size) noexcept;

// How many bytes of sums a task with these blocks keeps between its blocks of taps.
Index channel_sums_bytes(const Tuning& tuning, const BlockingLimits& limits) noexcept;

// Whether a strip of an input that lies in another order is transposed to StripShape::Order::channels_inner.
template <class T>
bool transposes_strips(const kernels::KernelSet<T>& kernels, const Blocking& blocking,
                       const PanelSplit& panels) noexcept;

// The input under a block of pixels and taps: element (pixel, tap) is data[pixel offset + tap offset].
template <class T>
struct BlockInput {
  StripShape shape;  // which fills the offsets
  bool in_place;
  const T* data;  // a strip, or the group's input itself
};

// How it may be read, as far as shape and machine decide it.
struct BlockReading {
  bool in_place = false;    // where the input lies close together, and a block meets no border
  bool transposes = false;  // strips, to neighboring channels
};
inline bool may_read_in_place(const Tuning& tuning, const Geometry& geometry) noexcept {
  return geometry.taps_per_channel() == 1 && tuning.channels_read_in_place != 0;
}
void describe_reading(Text& text, const BlockReading& reading) noexcept;

// Whether one pixel of all channels falls into the same few cache sets where it lies: a strip keeps channels apart.
template <class T>
bool channels_conflict(const Geometry& geometry, const kernels::KernelSet<T>& kernels, const Tensor<const T>& input,
                       StripShape::Order order) noexcept {
  return order == StripShape::Order::channels_outer && input.inner * Index{sizeof(T)} % first_level_way_bytes == 0 &&
         geometry.in_channels > tuning_of(kernels).channels_most_conflicting;
}

// Reads the input one element at a time, which is how tiles with channels as lanes broadcast it. Made once for a run.
template <class T>
class BlockReader {
 public:
  BlockReader(const Geometry& geometry, const kernels::KernelSet<T>& kernels, const Tensor<const T>& input,
              const BlockReading& reading) noexcept
      : geometry_(geometry),
        kernels_(kernels),
        input_(input),
        order_(StripShape::natural_order(input)),
        transposes_(reading.transposes && order_ == StripShape::Order::channels_outer),
        may_lie_in_place_(reading.in_place && !channels_conflict(geometry, kernels, input, order_)) {}

  // In place, where a 1x1 kernel meets each element once, or else from a copy in `strip`.
  [[nodiscard]] BlockInput<T> read(Index group, const PixelBlock& pixels, const TapBlock& taps,
                                   T* strip) const noexcept;

 private:
  const Geometry& geometry_;
  const kernels::KernelSet<T>& kernels_;
  const Tensor<const T>& input_;
  StripShape::Order order_;  // that the input lies in
  bool transposes_;
  bool may_lie_in_place_;
};

template <class T>
struct ChannelShared {
  T* packed;  // weights
  T* bias;    // of all groups, with zeros for the lanes that no channel fills
};

}  // namespace convgrad::gemm
