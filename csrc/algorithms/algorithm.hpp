// What the plan sees of an algorithm: it prepares a Recipe for one pass of one geometry, or says why it cannot.
#pragma once

#include <cstddef>
#include <memory>

#include "core/geometry.hpp"
#include "core/text.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad {

// The operands of the three passes on canonical axes:
//   forward      first = V, second = K, result = Z, bias
//   grad_kernel  first = G, second = V, result = dK
//   grad_input   first = G, second = K, result = dV
template <class T>
struct Operands {
  Tensor<const T> first;
  Tensor<const T> second;
  Tensor<T> result;
  const T* bias = nullptr;
  Index bias_stride = 0;
  const void* packed = nullptr;  // what `pack` made of K; null = K as it is
};

// Immutable once made. `run` neither allocates nor fails: the workspace holds `workspace_bytes` at 64-byte alignment.
template <class T>
class Recipe {
 public:
  virtual ~Recipe() = default;
  [[nodiscard]] virtual std::size_t workspace_bytes() const noexcept = 0;
  [[nodiscard]] virtual int threads() const noexcept = 0;
  virtual void run(const Operands<T>& operands, void* workspace) const noexcept = 0;

  // For a K that stays: what `run` would do to it each time, done once, into `packed_bytes` at 64-byte alignment.
  [[nodiscard]] virtual std::size_t packed_bytes() const noexcept { return 0; }
  virtual void pack(const Tensor<const T>& /*kernel*/, void* /*packed*/) const noexcept {}
  // What has been chosen, a few lines for whoever wonders about a layer's speed.
  virtual void describe(Text& text) const noexcept = 0;
  // Whether `run` reads K itself, too, although it is packed.
  [[nodiscard]] virtual bool reads_kernel_in_place() const noexcept { return true; }
};

template <class T>
struct RecipeRequest {
  Pass pass;
  const Geometry& geometry;  // of the forward pass, whatever `pass` is
  const kernels::KernelSet<T>& kernels;
  int threads;
  const char* way;  // that the algorithm is to take, or null: whichever it likes
};

// What an algorithm says of itself. Of those that serve a request the cheapest is taken.
template <class T>
struct Candidate {
  Algorithm algorithm;
  const char* name;
  // Unsupported and why, where it cannot serve.
  Status (*serves)(const RecipeRequest<T>& request) noexcept;
  // Its time in that of a multiplication at full speed, by shape and type alone: the choice must show in no bit that
  // another machine computes.
  double (*cost)(const RecipeRequest<T>& request) noexcept;
  double error_constant;  // c of the bound |error| <= c eps sqrt(terms) S
  Status (*make_recipe)(const RecipeRequest<T>& request, std::unique_ptr<Recipe<T>>& recipe) noexcept;
};

}  // namespace convgrad
