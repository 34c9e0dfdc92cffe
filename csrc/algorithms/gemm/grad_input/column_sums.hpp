// The second half of grad_input by columns: the products of one block of G's pixels, while they are in the cache, added
// up to rows of dV,
//
//     dV[channel, pixel * stride - padding + tap * dilation] += P[(channel, tap), pixel]
//
// Loops, outermost first: images > channels > planes > rows of dV; some rows, a stride apart, are added up together.
// The columns of a row of sums are dealt out into classes, by column modulo stride: what neighboring pixels add to are
// then neighbors. A row of sums begins at the first position that a pixel of the block meets, on the border or not: it
// is clipped when it is stored.
#pragma once

#include "algorithms/common/machine.hpp"
#include "algorithms/common/prefetch.hpp"
#include "algorithms/tuning.hpp"
#include "core/geometry.hpp"
#include "core/work_areas.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

// From the first tap to the last.
Index extent_of(const Geometry& geometry, int axis) noexcept;
// Positions from the first that `size` pixels meet to the last before the next pixel's, or to the end of dV.
Index positions_of(const Geometry& geometry, int axis, Index size) noexcept;

// The positions of dV along one axis that a block is to store: those from `begin` to `end` - 1, of which earlier blocks
// have begun the ones before `begun`. Its sums start at `origin`.
struct SumSpan {
  Index origin;
  Index begin;
  Index begun;
  Index end;
};

// What a plan decides for all of its blocks.
struct ColumnSumLimits {
  Index product_pitch;      // elements from one row of products to the next
  Index elements_together;  // of the rows that are added up together, unless a single one has more
  bool transposes;          // all channels of a row together, where they are neighbors in dV
};

template <class T>
ColumnSumLimits column_sum_limits(const Tuning& tuning, Index product_pitch) noexcept {
  return {product_pitch, tuning.columns_sums_together_bytes / Index{sizeof(T)}, tuning.columns_transposes_sums != 0};
}

template <class T>
class ColumnSums {
 public:
  // For blocks of `images` images and `size` pixels.
  ColumnSums(const Geometry& geometry, const ColumnSumLimits& limits, Index images, const Index (&size)[axes],
             Index channels) noexcept;

  // The terms of a row of the kernel, those of a class together; where each class's begin; the rows of products that
  // meet a row of dV; rows of sums; and one row whose columns are in their order again.
  struct Area {
    kernels::ShiftedTerm* terms;
    Index* classes;
    Index* lines;
    T* sums;
    T* row;
  };
  [[nodiscard]] Index terms() const noexcept { return geometry_->kernel[2]; }
  [[nodiscard]] Index classes() const noexcept { return geometry_->stride[2]; }
  [[nodiscard]] Index lines() const noexcept { return geometry_->kernel[0] * geometry_->kernel[1]; }
  [[nodiscard]] Index sum_elements() const noexcept {
    return larger(limits_.elements_together, channels_ * row_pitch_) + line;
  }
  [[nodiscard]] Index row_elements() const noexcept { return channels_ * row_pitch_; }
  // Of the largest block, for all.
  [[nodiscard]] AreaLayout<Area> layout() const noexcept;
  // Kernels read `slack` elements before and behind the products.
  [[nodiscard]] Index slack(const kernels::KernelSet<T>& kernels) const noexcept {
    return class_pitch_ + kernels.lanes;
  }

  // The same for all blocks.
  void fill_terms(const Area& area) const noexcept;
  // `products` has all taps of these channels. `grad_input` is the whole tensor moved to the first image and channel.
  // What earlier blocks have begun is loaded; everything else starts from zero.
  void store(const kernels::KernelSet<T>& kernels, const T* products, const SumSpan (&span)[axes], const Area& area,
             const Tensor<T>& grad_input) const noexcept;
  // Where they will be stored.
  [[nodiscard]] Prefetch<T> prefetch_of_results(const SumSpan (&span)[axes], const Tensor<T>& grad_input,
                                                Index steps) const noexcept;

 private:
  static constexpr Index line = cache_line_bytes / Index{sizeof(T)};  // a vector of any kernel set

  // Of a block's pixels along an axis, those that meet a position under some tap.
  struct Pixels {
    Index first;
    Index last;  // not among them
  };
  // What is the same for all rows that a block stores.
  struct Store;
  // A row of dV, of one channel or some that are stored together.
  struct Row {
    Index image, channel, plane, row;
  };

  [[nodiscard]] Pixels pixels_under(int axis, Index position) const noexcept;
  Index find_lines(const Store& store, const Row& at) const noexcept;
  Index count_alike(const Store& store, const Row& at, Index begun) const noexcept;
  Index add_rows(const Store& store, const Row& at) const noexcept;
  void load_row(const Store& store, Index begun, const Tensor<T>& from, T* sums) const noexcept;
  void store_rows(const Store& store, Index rows, Tensor<T> to) const noexcept;

  const Geometry* geometry_;
  ColumnSumLimits limits_;
  Index images_;
  Index size_[axes];
  Index channels_;
  Index class_pitch_, row_pitch_;
};

}  // namespace convgrad::gemm
