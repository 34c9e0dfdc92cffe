// The blocked GEMM behind forward and grad_input for few output channels (of a group), depthwise layers above all:
//
//     Z[o, pixel] = bias[o] + sum over taps of weights[o, tap] X[pixel, tap]
//
// Lanes = pixels, read from the strip itself wherever a vector of them begins: with so few channels to share it,
// copying a panel would cost more than the arithmetic. Where a block meets no border, the input is the strip. A vector
// may reach past the end of a row into what follows; those lanes compute numbers that nobody stores. Where many rows of
// the kernel lie on the border, pixels go by what is left of it. Sums run in the same order as in channels_by_tile.hpp:
// same bits.
//
// Loops, outermost first: tasks (pixel block, group; parallel) > tap blocks (a strip each) > runs of input channels
// > rows of pixels by what exists under them > tiles of vectors > four output channels at a time.
#pragma once

#include <cstddef>

#include "algorithms/gemm/border/border_rows.hpp"
#include "algorithms/gemm/tasks/correlation_operands.hpp"
#include "algorithms/gemm/tasks/correlation_tasks.hpp"
#include "algorithms/gemm/ways/strip_reader.hpp"
#include "algorithms/gemm/ways/strip_vectors.hpp"
#include "core/work_areas.hpp"

namespace convgrad::gemm {

template <class T>
class PixelsFromStrip {
 public:
  PixelsFromStrip(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept;

  [[nodiscard]] int threads() const noexcept { return areas_.workers; }
  void describe(Text& text) const noexcept;
  [[nodiscard]] const CorrelationTasks& tasks() const noexcept { return tasks_; }
  [[nodiscard]] std::size_t workspace_bytes() const noexcept { return areas_.bytes(); }

  void run(const CorrelationOperands<T>& operands, void* workspace) const noexcept;

 private:
  struct Tables;
  struct Area {
    Tables* tables;
    T* strip;
    T* start;
    T* results;
    Index* row_offsets;
    Index* vector_offsets;
    Index* tap_offsets;
    Index* weight_offsets;
    Stretch* stretches;
  };
  struct Binding;
  struct Destination;
  struct TapList;
  struct TapsRun;
  struct ChannelRun;

  void run_task(const Binding& binding, const StripTask<T>& task, const Area& area) const noexcept;
  void begin_group(const Binding& binding, const StripTask<T>& task, const Area& area) const noexcept;
  void make_tables(const StripTask<T>& task, const TapBlock& taps, const Strip<T>& strip,
                   const Area& area) const noexcept;
  void lay_vectors(const PixelBlock& pixels, const StripShape& shape, const Area& area) const noexcept;
  void list_taps(const TapBlock& taps, const StripShape& shape, const Weights<T>& weights,
                 const Area& area) const noexcept;
  TapList tap_list(Index number, const TapBlock& taps, const Area& area) const noexcept;
  [[nodiscard]] Index steps_of(const TapsRun& run, const Area& area) const noexcept;
  void run_channels(const TapsRun& run, const Area& area, StripPrefetch<T>& prefetch) const noexcept;
  void run_tiles(const TapsRun& run, const ChannelRun& channels, const Area& area,
                 StripPrefetch<T>& prefetch) const noexcept;
  Destination find_destination(const StripTask<T>& task, const Area& area) const noexcept;
  void store(const StripTask<T>& task, const Destination& destination, const Area& area) const noexcept;
  [[nodiscard]] Index stored_directly(Index direct, Index vectors) const noexcept;
  [[nodiscard]] Index channels_per_run(const TapBlock& taps, const StripShape& shape) const noexcept;
  [[nodiscard]] Index find_block_pixels() const noexcept;
  void reserve_areas() noexcept;

  Geometry geometry_;
  const kernels::KernelSet<T>* kernels_;
  // Output channels are rows of a micro-kernel, shared out evenly to as few groups as there can be.
  Index row_groups_;
  Index vectors_per_tile_;
  CorrelationTasks tasks_;
  BorderRows rows_;  // that are left out
  StripReading reading_;
  StripTraffic<T> traffic_;
  bool prefetches_in_tiles_ = false;
  bool stores_directly_ = false;
  Index run_room_ = 0;  // of a run of input channels of a 1x1 kernel: in elements, or in channels for several groups
  WorkAreas<Area> areas_;
};

}  // namespace convgrad::gemm
