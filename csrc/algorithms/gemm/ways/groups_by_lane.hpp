// The blocked GEMM behind forward and grad_input for many groups of few channels, depthwise layers above all:
//
//     Z[o, pixel, v[g]] = bias[g, o] + sum over taps of weights[g, o, tap] X[g, tap, pixel]
//
// Lanes = neighboring groups: every lane has a pixel and a weight of its own. Planes of so many groups are transposed
// into a strip whose elements are vectors, small enough for the cache, and results are transposed back; an NHWC array
// is read and written as it lies. What is done for a block is done for all its groups at once, which is what small maps
// need. Sums run in the same order as in channels_by_tile.hpp: same bits.
//
// Loops, outermost first: tasks (block of groups, pixel block; parallel) > tap blocks (a strip each) > output channels
// of a group > rows of pixels, two at a time > tiles of columns.
#pragma once

#include "algorithms/gemm/tasks/correlation_operands.hpp"
#include "algorithms/gemm/tasks/correlation_tasks.hpp"
#include "algorithms/read/strip.hpp"
#include "core/work_areas.hpp"

namespace convgrad::gemm {

template <class T>
class GroupsByLane {
 public:
  GroupsByLane(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept;

  // Where there are several groups, and the weights of as many as a vector has lanes fit the cache.
  static bool serves(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept;

  // A depthwise layer's, which are read and written where they lie.
  static bool suits_adjacent_channels(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept;

  [[nodiscard]] int threads() const noexcept { return areas_.workers; }
  [[nodiscard]] const CorrelationTasks& tasks() const noexcept { return tasks_; }
  [[nodiscard]] std::size_t workspace_bytes() const noexcept { return areas_.bytes(); }
  void describe(Text& text) const noexcept;

  void run(const CorrelationOperands<T>& operands, void* workspace) const noexcept;

 private:
  struct Shared {
    T* weights;  // [block of groups][output channel][tap][lane]
  };
  struct Area {
    T* strip;
    T* dense;
    T* results;  // [pixel][lane] of one output channel, or of all where there are several blocks of taps
    T* start;
    Index* tap_offsets;
  };
  struct LaneStrip {
    const T* data;
    StripShape shape;
    TapBlock taps;
    bool first, last;  // of the blocks of taps
  };

  [[nodiscard]] Index taps() const noexcept { return geometry_.in_channels * geometry_.taps_per_channel(); }
  void pack_weights_of(Index block, const Weights<T>& weights, T* packed) const noexcept;
  void run_task(const CorrelationTask& task, const CorrelationOperands<T>& operands, const T* weights,
                const Area& area) const noexcept;
  void multiply(const PixelBlock& pixels, const LaneStrip& strip, const T* weights, const T* start, T* results,
                const Index* tap_offsets) const noexcept;

  Geometry geometry_;
  const kernels::KernelSet<T>* kernels_;
  CorrelationTasks tasks_;
  WorkAreas<Area, Shared> areas_;
};

}  // namespace convgrad::gemm
