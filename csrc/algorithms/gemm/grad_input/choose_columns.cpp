#include "algorithms/gemm/grad_input/choose_columns.hpp"

#include <algorithm>
#include <cmath>

#include "algorithms/gemm/grad_input/column_sums.hpp"
#include "algorithms/gemm/sum_order.hpp"

namespace convgrad::gemm {

namespace numbers = sum_order::columns;

bool columns_serve(const Geometry& geometry) noexcept {
  // Without output channels there are no products, and sums of none are zeros that the other way stores.
  if (geometry.multiplications() == 0) return false;
  Index sums = 1;  // of one pixel
  for (int a = 0; a < axes; ++a) {
    // Sums are kept apart by column modulo stride, and that would take time for every one there is none of.
    if (geometry.stride[a] > larger(1, geometry.input[a])) return false;
    const Index covered = (geometry.output[a] - 1) * geometry.stride[a] + extent_of(geometry, a) - geometry.padding[a];
    if (geometry.output[a] == 0 || geometry.padding[a] < 0 || geometry.input[a] - covered >= geometry.stride[a])
      return false;  // crops the input: whole rows of dV would lie beyond all sums
    sums = saturating_product(sums, positions_of(geometry, a, 1));
  }
  return sums <= numbers::most_sums && geometry.taps_per_channel() <= numbers::most_taps &&
         geometry.out_channels <= numbers::most_out_channels;
}

namespace {

bool is_strided(const Geometry& geometry) noexcept {
  return geometry.stride[0] > 1 || geometry.stride[1] > 1 || geometry.stride[2] > 1;
}

// What the estimates ask of a shape.
struct Shape {
  explicit Shape(const Geometry& geometry) noexcept
      : pixels(static_cast<double>(geometry.output_pixels())),
        out_channels(static_cast<double>(larger(1, geometry.out_channels))),
        channels(static_cast<double>(larger(1, geometry.in_channels))),
        rows(static_cast<double>(geometry.in_channels * geometry.taps_per_channel())) {}

  double pixels, out_channels, channels;
  double rows;  // of products
};

// The estimates are in the time that a multiplication takes if nothing else does.

// Every product is stored, loaded and added once, which counts against the sum over output channels that it takes.
double cost_of_columns(const Shape& shape) noexcept {
  return (1 + numbers::product / shape.out_channels) *
         (shape.rows < numbers::few_rows ? numbers::few_rows / shape.rows : 1);
}

// An image's pixels fill whole panels but for the last one.
double cost_of_strided_columns(const Shape& shape) noexcept {
  return cost_of_columns(shape) * (1 + numbers::last_panel / shape.pixels);
}

// Every element of dV is stored for itself, which counts against all products that it is a sum of; residues have
// positions beyond the border of G; and lanes are unused where there are few channels.
double cost_of_residues(const Geometry& geometry, const Shape& shape) noexcept {
  double apart = 1;  // the share of dV's elements that are met by one tap
  for (int a = 0; a < axes; ++a) apart /= static_cast<double>(geometry.stride[a]);
  const double positions =
      static_cast<double>(geometry.input[0] * geometry.input[1]) * static_cast<double>(geometry.input[2]) * apart;
  const double products = static_cast<double>(geometry.taps_per_channel()) * apart * shape.out_channels;
  return (1 + numbers::store_apart / products + numbers::unused_lanes / shape.channels) *
         std::sqrt(positions / shape.pixels);
}

// Without a stride there is one residue: a correlation like forward's.
double cost_of_correlation(const Geometry& geometry, const Shape& shape) noexcept {
  double cost = geometry.input[0] * geometry.input[1] * geometry.input[2] <= numbers::few_positions
                    ? numbers::correlation_of_few + numbers::unused_lanes_of_few / shape.channels
                    : numbers::correlation + numbers::unused_lanes / shape.channels;
  if (geometry.in_channels == 1 && geometry.kernel[1] > 1 && geometry.dilation[1] == 1)
    cost = std::min(cost, 1 + shape.out_channels / numbers::rows_channels +
                              numbers::rows_ends / static_cast<double>(geometry.kernel[1]));
  return cost;
}

// So few pixels under so many weights that packing these is what counts: once, and not for every residue.
bool is_mostly_weights(const Shape& shape) noexcept {
  return shape.pixels < numbers::fewest_pixels && shape.channels * shape.out_channels >= numbers::many_weights;
}

}  // namespace

bool prefers_columns(const Geometry& geometry) noexcept {
  if (!columns_serve(geometry)) return false;
  const Shape shape(geometry);
  if (is_strided(geometry))
    return is_mostly_weights(shape) || cost_of_strided_columns(shape) < cost_of_residues(geometry, shape);
  return geometry.in_channels <= numbers::few_channels && cost_of_columns(shape) < cost_of_correlation(geometry, shape);
}

}  // namespace convgrad::gemm
