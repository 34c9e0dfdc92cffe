#include "algorithms/gemm/gemm.hpp"

#include <cstring>
#include <new>

#include "algorithms/gemm/forward.hpp"
#include "algorithms/gemm/grad_input/grad_input.hpp"
#include "algorithms/gemm/grad_kernel/grad_kernel.hpp"
#include "algorithms/gemm/way.hpp"

namespace convgrad::gemm {

namespace {

// A pass as the plan sees it.
template <class T, class PassOfLayer>
class PassRecipe : public Recipe<T> {
 public:
  PassRecipe(const RecipeRequest<T>& request, Way way) noexcept
      : pass_(request.geometry, request.kernels, request.threads, way) {}

  [[nodiscard]] std::size_t workspace_bytes() const noexcept final { return pass_.workspace_bytes(); }
  [[nodiscard]] int threads() const noexcept final { return pass_.threads(); }
  void describe(Text& text) const noexcept final { pass_.describe(text); }
  void run(const Operands<T>& operands, void* workspace) const noexcept final { pass_.run(operands, workspace); }

 protected:
  PassOfLayer pass_;
};

// One that reads K, which may be packed beforehand.
template <class T, class PassOfLayer>
class PackingRecipe final : public PassRecipe<T, PassOfLayer> {
 public:
  using PassRecipe<T, PassOfLayer>::PassRecipe;

  [[nodiscard]] std::size_t packed_bytes() const noexcept override {
    return static_cast<std::size_t>(this->pass_.packed_elements()) * sizeof(T);
  }
  void pack(const Tensor<const T>& kernel, void* packed) const noexcept override {
    this->pass_.pack(kernel, static_cast<T*>(packed));
  }
  [[nodiscard]] bool reads_kernel_in_place() const noexcept override { return this->pass_.reads_kernel_in_place(); }
};

Way find_way(const char* name) noexcept {
  if (name == nullptr) return Way::automatic;
  for (int way = 0; way < ways; ++way)
    if (std::strcmp(way_names[way], name) == 0) return static_cast<Way>(way);
  return Way::unknown;
}

template <class T>
bool serves_way(const RecipeRequest<T>& request, Way way) noexcept {
  switch (request.pass) {
    case Pass::forward: return Forward<T>::serves(way, request.geometry, request.kernels);
    case Pass::grad_kernel: return GradKernel<T>::serves(way, request.geometry);
    case Pass::grad_input: return GradInput<T>::serves(way, request.geometry, request.kernels);
  }
  return false;
}

template <class T>
Status serves(const RecipeRequest<T>& request) noexcept {
  const Way way = find_way(request.way);
  if (way == Way::unknown) return Status::invalid("way: gemm has none called '%.60s'", request.way);
  if (serves_way(request, way)) return {};
  return Status::unsupported("way: %s cannot serve this pass of this layer", request.way);
}

template <class T>
double cost(const RecipeRequest<T>& request) noexcept {
  return request.geometry.multiplications();
}

template <class T>
Status make_recipe(const RecipeRequest<T>& request, std::unique_ptr<Recipe<T>>& recipe) noexcept {
  const Way way = find_way(request.way);
  switch (request.pass) {
    case Pass::forward: recipe.reset(new (std::nothrow) PackingRecipe<T, Forward<T>>(request, way)); break;
    case Pass::grad_kernel: recipe.reset(new (std::nothrow) PassRecipe<T, GradKernel<T>>(request, way)); break;
    case Pass::grad_input: recipe.reset(new (std::nothrow) PackingRecipe<T, GradInput<T>>(request, way)); break;
  }
  return recipe ? Status{} : Status::out_of_memory(sizeof(PackingRecipe<T, Forward<T>>));
}

}  // namespace

template <class T>
Candidate<T> candidate() noexcept {
  return {Algorithm::gemm, "gemm", serves<T>, cost<T>, 2, make_recipe<T>};
}

template Candidate<float> candidate<float>() noexcept;
template Candidate<double> candidate<double>() noexcept;

}  // namespace convgrad::gemm
