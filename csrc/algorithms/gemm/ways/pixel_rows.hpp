// The same sums as pixels_from_strip, also with pixels as lanes, read from a strip of the input or from the input
// itself, and weights in place:
//
//     Z[o, pixel] = bias[o] + sum over taps of weights[o, tap] X[tap, pixel]
//
// but for several rows of pixels at a time, of one output channel: what is under row r of the kernel for one row of
// pixels is under row r - 1 for the next, so a vector is loaded once for all of them. Rows of the kernel that lie on
// the border are left out. Best for few output channels in a group, depthwise layers first.
//
// Loops, outermost first: tasks (pixel block, group; parallel) > tap blocks (a strip each) > runs of input channels
// > output channels > tiles of vectors (a column of rows each).
#pragma once

#include <cstddef>

#include "algorithms/common/blocks.hpp"
#include "algorithms/gemm/tasks/correlation_operands.hpp"
#include "algorithms/gemm/tasks/correlation_tasks.hpp"
#include "algorithms/gemm/ways/strip_reader.hpp"
#include "algorithms/gemm/write/output_stream.hpp"
#include "core/work_areas.hpp"

namespace convgrad::gemm {

// Only where rows share.
template <class T>
class PixelRows {
 public:
  PixelRows(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept;

  [[nodiscard]] int threads() const noexcept { return areas_.workers; }
  void describe(Text& text) const noexcept;
  [[nodiscard]] const CorrelationTasks& tasks() const noexcept { return tasks_; }
  [[nodiscard]] std::size_t workspace_bytes() const noexcept { return areas_.bytes(); }

  void run(const CorrelationOperands<T>& operands, void* workspace) const noexcept;

 private:
  struct Tables;
  // Vectors of `rows` rows below each other, for all of which the same rows of the input exist.
  struct Tile {
    Index vector;  // the first
    Index vectors;
    Index rows;
    Range exist;  // of the rows under it
  };
  struct Area {
    Tables* tables;
    T* strip;
    T* start;
    T* sums;
    T* gathered;
    Tile* tiles;
    Index* vector_offsets;
    Index* result_offsets;
    Index* sum_offsets;
    Index* no_offsets;
    Index* columns;  // of pixels in each vector
    Index* plane_offsets;
    Index* plane_weights;
    Index* column_offsets;
    bool* all_rows;  // of each output channel: the border counts
  };
  struct Results;
  struct TapsRun;

  void run_task(const StripReader<T>& strips, const StripTask<T>& task, const Area& area) const noexcept;
  Results find_results(const StripTask<T>& task, const Area& area) const noexcept;
  void make_tables(const StripTask<T>& task, const TapBlock& taps, const Strip<T>& strip, const Results& results,
                   const Area& area) const noexcept;
  void lay_vectors(const PixelBlock& pixels, const TapBlock& taps, const StripShape& shape, const Tensor<T>& to,
                   const Area& area) const noexcept;
  void split_tiles(const Area& area) const noexcept;
  void list_taps(const TapBlock& taps, const StripShape& shape, const Weights<T>& weights,
                 const Area& area) const noexcept;
  void run_channel(const TapsRun& run, Index channel, const Area& area, StripPrefetch<T>& prefetch) const noexcept;
  void begin_channel(const StripTask<T>& task, Index channel, const Area& area) const noexcept;
  void store(const Tile& tile, const T* sums, const Tensor<T>& to, Index channel, const Area& area) const noexcept;
  [[nodiscard]] Index complete_pixels(Index tile, const PixelBlock& pixels, const Area& area) const noexcept;
  void reserve_areas() noexcept;

  Geometry geometry_;
  const kernels::KernelSet<T>* kernels_;
  CorrelationTasks tasks_;
  bool keeps_sums_ = false;  // from one block of taps to the next
  bool stores_directly_ = false;
  bool leaves_out_border_ = false;
  StripReading reading_;
  StripTraffic<T> traffic_;
  OutputStream<T> stream_;
  WorkAreas<Area> areas_;
};

}  // namespace convgrad::gemm
