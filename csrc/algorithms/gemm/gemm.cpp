#include "algorithms/gemm/gemm.hpp"

#include <new>

#include "algorithms/gemm/correlation.hpp"
#include "algorithms/gemm/grad_input/grad_input.hpp"
#include "algorithms/gemm/grad_kernel/grad_kernel.hpp"
#include "algorithms/read/weights.hpp"

namespace convgrad::gemm {

namespace {

template <class T>
class ForwardRecipe final : public Recipe<T> {
 public:
  explicit ForwardRecipe(const RecipeRequest<T>& request) noexcept
      : out_channels_(request.geometry.out_channels),
        correlation_(request.geometry, request.kernels, WeightOrder::lanes_first, request.threads) {}
  [[nodiscard]] std::size_t workspace_bytes() const noexcept override { return correlation_.workspace_bytes(); }
  [[nodiscard]] int threads() const noexcept override { return correlation_.threads(); }
  void describe(Text& text) const noexcept override { correlation_.describe(text); }
  void run(const Operands<T>& x, void* workspace) const noexcept override {
    correlation_.run({x.first, weights(x.second), static_cast<const T*>(x.packed), {x.bias, x.bias_stride}, x.result},
                     workspace);
  }
  [[nodiscard]] std::size_t packed_bytes() const noexcept override {
    return static_cast<std::size_t>(correlation_.packed_elements()) * sizeof(T);
  }
  void pack(const Tensor<const T>& kernel, void* packed) const noexcept override {
    correlation_.pack(weights(kernel), static_cast<T*>(packed));
  }
  [[nodiscard]] bool reads_kernel_in_place() const noexcept override { return correlation_.packed_elements() == 0; }

 private:
  [[nodiscard]] Weights<T> weights(const Tensor<const T>& kernel) const noexcept {
    return {kernel.data,
            out_channels_ * kernel.outer,
            kernel.outer,
            kernel.inner,
            {kernel.axis[0], kernel.axis[1], kernel.axis[2]}};
  }

  Index out_channels_;
  Correlation<T> correlation_;
};

template <class T>
class GradKernelRecipe final : public Recipe<T> {
 public:
  explicit GradKernelRecipe(const RecipeRequest<T>& request) noexcept
      : pass_(request.geometry, request.kernels, request.threads) {}
  [[nodiscard]] std::size_t workspace_bytes() const noexcept override { return pass_.workspace_bytes(); }
  [[nodiscard]] int threads() const noexcept override { return pass_.threads(); }
  void describe(Text& text) const noexcept override { pass_.describe(text); }
  void run(const Operands<T>& x, void* workspace) const noexcept override {
    pass_.run(x.first, x.second, x.result, workspace);
  }

 private:
  GradKernel<T> pass_;
};

template <class T>
class GradInputRecipe final : public Recipe<T> {
 public:
  explicit GradInputRecipe(const RecipeRequest<T>& request) noexcept
      : pass_(request.geometry, request.kernels, request.threads) {}
  [[nodiscard]] std::size_t workspace_bytes() const noexcept override { return pass_.workspace_bytes(); }
  [[nodiscard]] int threads() const noexcept override { return pass_.threads(); }
  void describe(Text& text) const noexcept override { pass_.describe(text); }
  void run(const Operands<T>& x, void* workspace) const noexcept override {
    pass_.run(x.first, x.second, static_cast<const T*>(x.packed), x.result, workspace);
  }
  [[nodiscard]] std::size_t packed_bytes() const noexcept override {
    return static_cast<std::size_t>(pass_.packed_elements()) * sizeof(T);
  }
  void pack(const Tensor<const T>& kernel, void* packed) const noexcept override {
    pass_.pack(kernel, static_cast<T*>(packed));
  }
  [[nodiscard]] bool reads_kernel_in_place() const noexcept override { return pass_.reads_kernel_in_place(); }

 private:
  GradInput<T> pass_;
};

}  // namespace

template <class T>
Status make_recipe(const RecipeRequest<T>& request, std::unique_ptr<Recipe<T>>& recipe) noexcept {
  switch (request.pass) {
    case Pass::forward: recipe.reset(new (std::nothrow) ForwardRecipe<T>(request)); break;
    case Pass::grad_kernel: recipe.reset(new (std::nothrow) GradKernelRecipe<T>(request)); break;
    case Pass::grad_input: recipe.reset(new (std::nothrow) GradInputRecipe<T>(request)); break;
  }
  return recipe ? Status{} : Status::out_of_memory(sizeof(ForwardRecipe<T>));
}

template Status make_recipe<float>(const RecipeRequest<float>&, std::unique_ptr<Recipe<float>>&) noexcept;
template Status make_recipe<double>(const RecipeRequest<double>&, std::unique_ptr<Recipe<double>>&) noexcept;

}  // namespace convgrad::gemm
