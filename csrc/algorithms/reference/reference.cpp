#include "algorithms/reference/reference.hpp"

#include <cmath>
#include <new>

namespace convgrad::reference {

namespace {

// Calls visit(i, j, k) for every index below `sizes`, the last axis fastest.
template <class Visit>
void for_each(const Index (&sizes)[axes], const Visit& visit) {
  for (Index i = 0; i < sizes[0]; ++i)
    for (Index j = 0; j < sizes[1]; ++j)
      for (Index k = 0; k < sizes[2]; ++k) visit({i, j, k});
}

struct Position {
  Index at[axes];
};

template <class T>
T& element(const Tensor<T>& tensor, Index outer, Index inner, const Position& p) {
  return tensor.data[outer * tensor.outer + inner * tensor.inner + p.at[0] * tensor.axis[0] + p.at[1] * tensor.axis[1] +
                     p.at[2] * tensor.axis[2]];
}

// The input position under tap `tap` of output pixel `pixel`; what lies outside is the zero border.
Position input_position(const Geometry& g, const Position& pixel, const Position& tap) {
  Position p{};
  for (int a = 0; a < axes; ++a) p.at[a] = pixel.at[a] * g.stride[a] + tap.at[a] * g.dilation[a] - g.padding[a];
  return p;
}

bool inside(const Geometry& g, const Position& p) {
  for (int a = 0; a < axes; ++a)
    if (p.at[a] < 0 || p.at[a] >= g.input[a]) return false;
  return true;
}

// What lies under a tap of a pixel, in channel `channel` of all.
template <class T>
T value_under(const Geometry& g, const Tensor<const T>& input, Index image, Index channel, const Position& pixel,
              const Position& tap) {
  const Position p = input_position(g, pixel, tap);
  return inside(g, p) ? element(input, image, channel, p) : T{0};
}

// Calls visit(group, o) for every output channel of every group.
template <class Visit>
void for_each_output_channel(const Geometry& g, const Visit& visit) {
  for (Index o = 0; o < g.groups * g.out_channels; ++o) visit(o / g.out_channels, o);
}

template <class T>
void forward(const Geometry& g, const Operands<T>& x) {
  for (Index n = 0; n < g.batch; ++n)
    for_each_output_channel(g, [&](Index group, Index o) {
      for_each(g.output, [&](Position pixel) {
        T sum = x.bias == nullptr ? T{0} : x.bias[o * x.bias_stride] + T{0};  // not -0
        for (Index c = 0; c < g.in_channels; ++c)
          for_each(g.kernel, [&](Position tap) {
            const T value = value_under(g, x.first, n, group * g.in_channels + c, pixel, tap);
            sum = std::fma(value, element(x.second, o, c, tap), sum);
          });
        element(x.result, n, o, pixel) = sum;
      });
    });
}

template <class T>
void grad_kernel(const Geometry& g, const Operands<T>& x) {
  for_each_output_channel(g, [&](Index group, Index o) {
    for (Index c = 0; c < g.in_channels; ++c)
      for_each(g.kernel, [&](Position tap) {
        T sum{0};
        for (Index n = 0; n < g.batch; ++n)
          for_each(g.output, [&](Position pixel) {
            const T value = value_under(g, x.second, n, group * g.in_channels + c, pixel, tap);
            sum = std::fma(value, element(x.first, n, o, pixel), sum);
          });
        element(x.result, o, c, tap) = sum;
      });
  });
}

// Reads equation (3) from the side of dV: which (pixel, tap) pairs lie over this input position? G counts as zero
// outside its map, as V does in the other passes.
template <class T>
void grad_input(const Geometry& g, const Operands<T>& x) {
  for (Index n = 0; n < g.batch; ++n)
    for (Index group = 0; group < g.groups; ++group)
      for (Index c = 0; c < g.in_channels; ++c)
        for_each(g.input, [&](Position position) {
          T sum{0};
          for (Index o = group * g.out_channels; o < (group + 1) * g.out_channels; ++o)
            for_each(g.kernel, [&](Position tap) {
              Position pixel{};
              bool outside = false;
              for (int a = 0; a < axes; ++a) {
                const Index distance = position.at[a] + g.padding[a] - tap.at[a] * g.dilation[a];
                if (distance % g.stride[a] != 0) return;
                pixel.at[a] = distance / g.stride[a];
                outside = outside || distance < 0 || pixel.at[a] >= g.output[a];
              }
              const T value = outside ? T{0} : element(x.first, n, o, pixel);
              sum = std::fma(value, element(x.second, o, c, tap), sum);
            });
          element(x.result, n, group * g.in_channels + c, position) = sum;
        });
}

template <class T>
class ReferenceRecipe final : public Recipe<T> {
 public:
  ReferenceRecipe(Pass pass, const Geometry& geometry) noexcept : pass_(pass), geometry_(geometry) {}
  [[nodiscard]] std::size_t workspace_bytes() const noexcept override { return 0; }
  [[nodiscard]] int threads() const noexcept override { return 1; }
  void describe(Text& text) const noexcept override { text.line("way", "the loops of the definition"); }
  void run(const Operands<T>& operands, void*) const noexcept override {
    switch (pass_) {
      case Pass::forward: return forward(geometry_, operands);
      case Pass::grad_kernel: return grad_kernel(geometry_, operands);
      case Pass::grad_input: return grad_input(geometry_, operands);
    }
  }

 private:
  Pass pass_;
  Geometry geometry_;
};

template <class T>
Status serves(const RecipeRequest<T>& request) noexcept {
  if (request.way != nullptr) return Status::unsupported("way: the reference has one only, got '%.60s'", request.way);
  return {};
}

template <class T>
double cost(const RecipeRequest<T>& request) noexcept {
  constexpr double of_a_multiplication = 100;  // one after the other, through strides
  return of_a_multiplication * request.geometry.multiplications();
}

template <class T>
Status make_recipe(const RecipeRequest<T>& request, std::unique_ptr<Recipe<T>>& recipe) noexcept {
  recipe.reset(new (std::nothrow) ReferenceRecipe<T>(request.pass, request.geometry));
  return recipe ? Status{} : Status::out_of_memory(sizeof(ReferenceRecipe<T>));
}

}  // namespace

template <class T>
Candidate<T> candidate() noexcept {
  return {Algorithm::reference, "reference", serves<T>, cost<T>, 2, make_recipe<T>};
}

template Candidate<float> candidate<float>() noexcept;
template Candidate<double> candidate<double>() noexcept;

}  // namespace convgrad::reference
