// Problem -> Plan: checks the sizes, picks the kernel set and the algorithm. Then the three passes, which run what was
// picked.
#include <cstdlib>
#include <new>
#include <utility>

#include "core/workspace.hpp"
#include "plan/candidates.hpp"
#include "plan/isa.hpp"

namespace convgrad {

struct Plan::Data {
  Pass pass = Pass::forward;
  Problem problem;
  Geometry geometry;
  Algorithm algorithm = Algorithm::automatic;
  const kernels::IsaTable* isa = nullptr;
  std::array<std::int64_t, max_spatial_rank> output_size{};
  // One of the two, after the problem's data type.
  std::unique_ptr<Recipe<float>> recipe_float32;
  std::unique_ptr<Recipe<double>> recipe_float64;

  template <class T>
  std::unique_ptr<Recipe<T>>& recipe() noexcept {
    if constexpr (sizeof(T) == sizeof(float))
      return recipe_float32;
    else
      return recipe_float64;
  }
};

namespace {

template <class T>
Status fill_recipe(const PlanOptions& options, Plan::Data& data) noexcept {
  const int threads = options.threads > 0 ? options.threads : get_num_threads();
  const RecipeRequest<T> request{data.pass, data.geometry, kernels::kernel_set<T>(*data.isa), threads};
  return choose_recipe(data.algorithm, request, data.recipe<T>());
}

Status check_plan(const Plan& plan, Pass wanted) noexcept {
  if (plan.data() == nullptr) return Status::invalid("plan: an empty plan cannot run; make one with Plan::make");
  if (plan.pass() != wanted) return Status::invalid("plan: it was made for another pass than the one called");
  return {};
}

template <class T>
Status run_recipe(const Recipe<T>& recipe, const Operands<T>& operands, Workspace workspace) noexcept {
  const std::size_t wanted = recipe.workspace_bytes();
  if (workspace.data != nullptr) {
    if (workspace.bytes < wanted)
      return Status::invalid("workspace: expected at least %zu bytes, got %zu", wanted, workspace.bytes);
    if (reinterpret_cast<std::uintptr_t>(workspace.data) % workspace_alignment != 0)
      return Status::invalid("workspace: expected alignment to %zu bytes", workspace_alignment);
    recipe.run(operands, workspace.data);
    return {};
  }
  const OwnedWorkspace own(wanted);
  if (own.data() == nullptr && wanted > 0) return Status::out_of_memory(wanted);
  recipe.run(operands, own.data());
  return {};
}

struct PassViews {
  const ConstView& first;
  const ConstView& second;
  const View& result;
  const void* bias = nullptr;
  std::int64_t bias_stride = 0;
};

template <class T>
Status run_typed(const Recipe<T>& recipe, int spatial_rank, const PassViews& views, Workspace workspace) noexcept {
  Operands<T> operands;
  operands.first = make_tensor<const T>(views.first, spatial_rank);
  operands.second = make_tensor<const T>(views.second, spatial_rank);
  operands.result = make_tensor<T>(views.result, spatial_rank);
  operands.bias = static_cast<const T*>(views.bias);
  operands.bias_stride = views.bias_stride;
  return run_recipe(recipe, operands, workspace);
}

Status run(const Plan& plan, Pass pass, const PassViews& views, Workspace workspace) noexcept {
  if (Status status = check_plan(plan, pass); !status.ok()) return status;
  const Plan::Data& data = *plan.data();
  const int rank = data.problem.spatial_rank;
  if (data.recipe_float32) return run_typed(*data.recipe_float32, rank, views, workspace);
  return run_typed(*data.recipe_float64, rank, views, workspace);
}

}  // namespace

Plan::Plan() noexcept = default;
Plan::~Plan() { delete data_; }
Plan::Plan(Plan&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
Plan& Plan::operator=(Plan&& other) noexcept {
  std::swap(data_, other.data_);
  return *this;
}

Status Plan::make(Pass pass, const Problem& problem, const PlanOptions& options, Plan& plan) noexcept {
  if (options.threads < 0)
    return Status::invalid("threads: expected at least 1, or 0 for the default, got %d", options.threads);
  Plan made;
  made.data_ = new (std::nothrow) Data;
  if (made.data_ == nullptr) return Status::out_of_memory(sizeof(Data));
  Data& data = *made.data_;
  data.pass = pass;
  data.problem = problem;
  data.algorithm = options.algorithm;
  if (Status status = make_geometry(problem, data.geometry); !status.ok()) return status;
  if (Status status = active_isa_table(data.isa); !status.ok()) return status;
  for (int a = 0; a < problem.spatial_rank; ++a)
    data.output_size[static_cast<std::size_t>(a)] = data.geometry.output[axes - problem.spatial_rank + a];
  const Status status =
      problem.data_type == DataType::float32 ? fill_recipe<float>(options, data) : fill_recipe<double>(options, data);
  if (status.ok()) plan = std::move(made);
  return status;
}

Pass Plan::pass() const noexcept { return data_->pass; }
const Problem& Plan::problem() const noexcept { return data_->problem; }
Algorithm Plan::algorithm() const noexcept { return data_->algorithm; }
const char* Plan::isa() const noexcept { return data_->isa->name; }
int Plan::threads() const noexcept {
  return data_->recipe_float32 ? data_->recipe_float32->threads() : data_->recipe_float64->threads();
}
std::size_t Plan::workspace_bytes() const noexcept {
  return data_->recipe_float32 ? data_->recipe_float32->workspace_bytes() : data_->recipe_float64->workspace_bytes();
}
const std::array<std::int64_t, max_spatial_rank>& Plan::output_size() const noexcept { return data_->output_size; }

double Plan::flops() const noexcept { return 2 * data_->geometry.multiplications(); }

Status forward(const Plan& plan, const ConstView& input, const ConstView& kernel, const void* bias,
               std::int64_t bias_stride, const View& output, Workspace workspace) noexcept {
  return run(plan, Pass::forward, {input, kernel, output, bias, bias_stride}, workspace);
}

Status grad_kernel(const Plan& plan, const ConstView& grad_output, const ConstView& input, const View& grad_kernel,
                   Workspace workspace) noexcept {
  return run(plan, Pass::grad_kernel, {grad_output, input, grad_kernel}, workspace);
}

Status grad_input(const Plan& plan, const ConstView& grad_output, const ConstView& kernel, const View& grad_input,
                  Workspace workspace) noexcept {
  return run(plan, Pass::grad_input, {grad_output, kernel, grad_input}, workspace);
}

}  // namespace convgrad
