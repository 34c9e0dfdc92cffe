// Do strided arrays share an element? See overlap.hpp.
//
// Two arrays share an element when  a + sum_i s_i x_i = b + sum_j t_j y_j  has a solution with 0 <= x_i < n_i and
// 0 <= y_j < m_j; an array overlaps itself when  sum_i s_i (x_i - x'_i) = 0  has one with x != x'. Both are one linear
// equation in bounded integers. That is hard in general and easy for the strides that arrays have: axes that nest like
// digits merge into one, and divisibility ends the search through most of the rest.
#include "arrays/overlap.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace convgrad::bindings {
namespace {

/// coefficient * x with 0 <= x <= bound.
struct Term {
  std::int64_t coefficient;
  std::int64_t bound;
};

using Terms = std::array<Term, 2 * max_rank>;

/// Sorts the first `count` terms by coefficient, smallest first.
void sort(Terms& terms, std::size_t count) noexcept {
  for (std::size_t end = 1; end < count; ++end) {
    for (std::size_t k = end; k > 0 && terms[k].coefficient < terms[k - 1].coefficient; --k) {
      std::swap(terms[k], terms[k - 1]);
    }
  }
}

/// sum of terms = target: is there a solution?
class BoundedEquation {
 public:
  /// A negative stride counts backwards from its far end: the target moves instead.
  void add(std::int64_t stride, std::int64_t bound) noexcept {
    if (bound == 0 || stride == 0) return;
    const std::int64_t coefficient = stride < 0 ? -stride : stride;
    std::int64_t extent = 0;
    if (__builtin_mul_overflow(coefficient, bound, &extent)) {
      overflow_ = true;
      return;
    }
    if (stride < 0) shift_target(extent);
    overflow_ |= __builtin_add_overflow(total_, extent, &total_);
    terms_[count_++] = {coefficient, bound};
  }

  void shift_target(std::int64_t by) noexcept { overflow_ |= __builtin_add_overflow(target_, by, &target_); }

  /// Whether a solution exists; true as well when finding out would take too long.
  bool may_have_solution() noexcept {
    if (overflow_) return true;
    if (target_ < 0 || target_ > total_) return false;
    merge();
    std::int64_t sum = 0;
    std::int64_t divisor = 0;
    for (std::size_t k = count_; k-- > 0;) {
      sum += terms_[k].coefficient * terms_[k].bound;
      divisor = std::gcd(divisor, terms_[k].coefficient);
      sum_from_[k] = sum;
      divisor_from_[k] = divisor;
    }
    return search(0, target_);
  }

 private:
  /// c x + (q c) y takes every multiple of c up to its maximum when q <= x's bound + 1: both become one term.
  void merge() noexcept {
    sort(terms_, count_);
    std::size_t kept = 0;
    for (std::size_t k = 0; k < count_; ++k) {
      bool merged = false;
      for (std::size_t into = 0; into < kept && !merged; ++into) {
        Term& small = terms_[into];
        const std::int64_t quotient = terms_[k].coefficient / small.coefficient;
        merged = terms_[k].coefficient % small.coefficient == 0 && quotient - 1 <= small.bound;
        if (merged) small.bound += quotient * terms_[k].bound;
      }
      if (!merged) terms_[kept++] = terms_[k];
    }
    count_ = kept;
    std::reverse(terms_.begin(), terms_.begin() + static_cast<std::ptrdiff_t>(count_));
  }

  bool search(std::size_t k, std::int64_t target) noexcept {
    if (target == 0) return true;
    if (k == count_ || target > sum_from_[k] || target % divisor_from_[k] != 0) return false;
    if (k + 1 == count_) return true;
    const auto [coefficient, bound] = terms_[k];
    const std::int64_t beyond_rest = target - sum_from_[k + 1];
    const std::int64_t lowest = beyond_rest <= 0 ? 0 : (beyond_rest - 1) / coefficient + 1;
    for (std::int64_t x = std::min(bound, target / coefficient); x >= lowest; --x) {
      if (--budget_ < 0) return true;
      if (search(k + 1, target - coefficient * x)) return true;
    }
    return false;
  }

  Terms terms_{};
  std::array<std::int64_t, 2 * max_rank> sum_from_{};      // of all terms from k on, at their bounds
  std::array<std::int64_t, 2 * max_rank> divisor_from_{};  // of all coefficients from k on
  std::size_t count_ = 0;
  std::int64_t target_ = 0;
  std::int64_t total_ = 0;
  int budget_ = 20000;
  bool overflow_ = false;
};

bool is_empty(const Elements& array) noexcept {
  const auto begin = array.size.begin();
  return std::any_of(begin, begin + array.rank, [](std::int64_t size) { return size == 0; });
}

}  // namespace

bool may_overlap(const Elements& one, const Elements& other) noexcept {
  if (is_empty(one) || is_empty(other)) return false;
  BoundedEquation equation;  // the strides of one, minus those of the other, make up the distance between the two
  equation.shift_target(other.first);
  equation.shift_target(-one.first);
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(one.rank); ++axis) {
    equation.add(one.strides[axis], one.size[axis] - 1);
  }
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(other.rank); ++axis) {
    equation.add(-other.strides[axis], other.size[axis] - 1);
  }
  return equation.may_have_solution();
}

bool may_overlap_itself(const Elements& array) noexcept {
  if (is_empty(array)) return false;
  Terms axes{};
  std::size_t count = 0;
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(array.rank); ++axis) {
    const std::int64_t stride = array.strides[axis];
    if (array.size[axis] > 1) axes[count++] = {stride < 0 ? -stride : stride, array.size[axis] - 1};
  }
  sort(axes, count);
  if (count > 0 && axes[0].coefficient == 0) return true;

  // Differences z_i = x_i - x'_i lie in -bound .. bound. Some axis is the last with z != 0, and its z may be taken as
  // positive. For each axis in that role: its z - 1 lies in 0 .. bound - 1, the axes before it are free, the rest is 0.
  // Where the strides nest, no target is reachable, and the order by stride makes every one of them negative.
  for (std::size_t last = 0; last < count; ++last) {
    BoundedEquation equation;
    equation.shift_target(-axes[last].coefficient);
    equation.add(axes[last].coefficient, axes[last].bound - 1);
    for (std::size_t axis = 0; axis < last; ++axis) {
      const auto [coefficient, bound] = axes[axis];
      std::int64_t extent = 0;
      if (__builtin_mul_overflow(coefficient, bound, &extent)) return true;
      equation.shift_target(extent);
      equation.add(coefficient, 2 * bound);
    }
    if (equation.may_have_solution()) return true;
  }
  return false;
}

}  // namespace convgrad::bindings
