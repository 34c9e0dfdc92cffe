// How the ways that read vectors of pixels from a strip come by it, and what they prefetch meanwhile. Shared by
// pixels_from_strip and pixel_rows.
#pragma once

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/machine.hpp"
#include "algorithms/common/pixel_box.hpp"
#include "algorithms/common/prefetch.hpp"
#include "algorithms/gemm/tasks/run_correlation.hpp"
#include "algorithms/read/strip.hpp"
#include "algorithms/tuning.hpp"

namespace convgrad::gemm {

// A task, and the operands of the run as it sees them.
template <class T>
struct StripTask {
  StripTask(const Geometry& geometry, const CorrelationStep<T>& step) noexcept
      : all(step.operands),
        pixels(step.task.pixels),
        group(step.task.group),
        next(step.next),
        input(step.operands.input),
        weights(step.operands.weights),
        output(at_block(step.operands.output, step.task.pixels)),
        input_channels((geometry.groups - group) * geometry.in_channels) {
    input.data += group * geometry.in_channels * input.inner;
    weights.data += group * weights.group;
    output.data += group * geometry.out_channels * output.inner;
  }

  // Where the weights of a block of taps begin, of the group's first output channel.
  [[nodiscard]] const T* first_weight(const TapBlock& taps) const noexcept {
    const T* first = weights.data + taps.first_channel * weights.channel;
    for (int a = 0; a < axes; ++a) first += taps.first[a] * weights.axis[a];
    return first;
  }

  const CorrelationOperands<T>& all;
  PixelBlock pixels;
  Index group;
  CorrelationTask next;   // what this worker, or another soon, does after it
  Tensor<const T> input;  // from the group's first channel on
  Weights<T> weights;     // of the group
  Tensor<T> output;       // from the block's first pixel and the group's first channel on
  Index input_channels;   // from the group's first one on, those of other groups, too
};

// What vectors of a block of pixels and taps are read from.
template <class T>
struct Strip {
  StripShape shape;
  const T* data;
  bool in_place;  // the input itself
};

// As a way decides from shape and machine.
struct StripReading {
  Index vector_elements = 0;  // that may be read from any (pixel, tap) on
  bool in_place = false;      // where that can be
  // The strips of all blocks of taps have the shape of the largest: for a way whose sums lie as the strip's rows do,
  // and are gone on with from one block of taps to the next.
  bool one_shape = false;
};

// Packs strips, or finds that the input serves in their place. Bound to a run.
template <class T>
class StripReader {
 public:
  StripReader(const Geometry& geometry, const kernels::KernelSet<T>& kernels, const Blocking& blocking,
              const StripReading& reading, const Tensor<const T>& input) noexcept
      : geometry_(geometry),
        kernels_(kernels),
        blocking_(blocking),
        vector_elements_(reading.vector_elements),
        one_shape_(reading.one_shape && blocking.tap_blocks() > 1),
        in_place_(reading.in_place && geometry.stride[2] == 1 && input.axis[2] == 1) {}

  // Whether the input serves for all blocks of taps or, where each block is asked for itself, may serve.
  [[nodiscard]] bool find_in_place(const StripTask<T>& task) const noexcept {
    if (!in_place_ || !one_shape_) return in_place_;
    for (Index t = 0; t < blocking_.tap_blocks(); ++t) {
      const TapBlock taps = blocking_.tap_block(t);
      StripShape shape = shape_of(task.pixels, taps);
      const T* data = nullptr;
      if (!lies_in_place(task, taps, shape, data)) return false;
    }
    return true;
  }

  // `in_place` as find_in_place says of the task; `room` is for a strip that has to be packed.
  [[nodiscard]] Strip<T> read(const StripTask<T>& task, const TapBlock& taps, bool in_place, T* room) const noexcept {
    Strip<T> strip{shape_of(task.pixels, taps), room, in_place};
    if (in_place) strip.in_place = lies_in_place(task, taps, strip.shape, strip.data);
    if (!strip.in_place) strip.shape.pack(kernels_, geometry_, task.pixels, taps, task.input, room);
    return strip;
  }

 private:
  [[nodiscard]] StripShape shape_of(const PixelBlock& pixels, const TapBlock& taps) const noexcept {
    const TapBlock box = one_shape_ ? blocking_.most_taps_box() : taps;
    return {geometry_, pixels.images, pixels.size, box.channels, box.size, StripShape::Order::pixels_adjacent};
  }
  [[nodiscard]] bool lies_in_place(const StripTask<T>& task, const TapBlock& taps, StripShape& shape,
                                   const T*& data) const noexcept {
    return shape.in_place(geometry_, task.pixels, taps, task.input, task.input_channels, vector_elements_, data);
  }

  const Geometry& geometry_;
  const kernels::KernelSet<T>& kernels_;
  const Blocking& blocking_;
  Index vector_elements_;
  bool one_shape_;
  bool in_place_;
};

// The input of the next block and the results of this one, a few lines of each with every tile.
template <class T>
struct StripPrefetch {
  Prefetch<T> input;
  Prefetch<T> results;

  [[gnu::always_inline]] void step() noexcept {
    input.step();
    results.step();
  }
};

// An input that the second-level cache does not hold beside the results comes from the last-level cache or beyond, and
// larger results go there: both are prefetched while a block is multiplied. But a 1x1 kernel in place reads long
// pieces, which the hardware prefetches as long as they come from the last-level cache; and where the second-level
// cache does not hold two blocks of them, those that are prefetched evict those that are read.
template <class T>
class StripTraffic {
 public:
  StripTraffic() = default;
  StripTraffic(const Tuning& tuning, const Geometry& geometry) noexcept
      : prefetches_input_(!fits_second_level(input_bytes<T>(geometry), tuning.strips_prefetch_input_share)),
        prefetches_input_in_place_(geometry.taps_per_channel() > 1
                                       ? prefetches_input_
                                       : input_bytes<T>(geometry) > tuning.strips_prefetch_1x1_bytes &&
                                             second_level_bytes() >= 2 * tuning.strips_cached_bytes),
        prefetches_results_(output_bytes<T>(geometry) > tuning.strips_prefetch_results_bytes) {}

  // With so many steps.
  [[nodiscard]] StripPrefetch<T> prefetch(const Geometry& geometry, const StripTask<T>& task, bool in_place,
                                          Index steps) const noexcept {
    StripPrefetch<T> prefetch;
    if (in_place ? prefetches_input_in_place_ : prefetches_input_)
      prefetch.input = prefetch_of_input(geometry, task.all.input, task.next.group, task.next.pixels, 0,
                                         geometry.in_channels, steps);
    const PixelBlock& pixels = task.pixels;
    const PixelBox box{pixels.images, {pixels.size[0], pixels.size[1], pixels.size[2]}};
    if (prefetches_results_)
      prefetch.results = prefetch_of_pixels(task.output, box, 0, pixels.count(), geometry.out_channels, steps);
    return prefetch;
  }

  void describe(Text& text) const noexcept {
    if (!prefetches_input_ && !prefetches_input_in_place_ && !prefetches_results_) return;
    text.line("prefetch", "%s%s%s",
              prefetches_input_            ? "the next block's input"
              : prefetches_input_in_place_ ? "the next block's input where it is read in place"
                                           : "",
              prefetches_results_ && (prefetches_input_ || prefetches_input_in_place_) ? ", " : "",
              prefetches_results_ ? "where this block's results go" : "");
  }

 private:
  bool prefetches_input_ = false;
  bool prefetches_input_in_place_ = false;
  bool prefetches_results_ = false;
};

inline void describe_reading(Text& text, const StripReading& reading, const Blocking& blocking) noexcept {
  text.line("reads", "a strip of at most %lld elements, whose rows have neighboring pixels next to each other%s",
            static_cast<long long>(blocking.strip_elements()),
            reading.in_place ? "; or the input itself where it lies so and the block meets no border" : "");
  text.line("weights", "%s", "where they lie");
}

}  // namespace convgrad::gemm
