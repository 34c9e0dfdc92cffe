// The three passes: views checked, a workspace found, the plan's recipe run.
#include <cstdint>

#include "core/parallel.hpp"
#include "core/phases.hpp"
#include "plan/plan_data.hpp"

namespace convgrad {

Status check_plan(const Plan& plan, Pass wanted) noexcept {
  if (plan.data() == nullptr) return Status::invalid("plan: an empty plan cannot run; make one with Plan::make");
  if (plan.pass() != wanted) return Status::invalid("plan: it was made for another pass than the one called");
  return {};
}

Status check_pointer(const char* name, const void* data, Index elements) noexcept {
  if (data != nullptr || elements == 0) return {};
  return Status::invalid("%s: the pointer is null", name);
}

namespace {

// The views of a pass: first and second as in Operands, under the names that the public functions give them.
struct PassViews {
  const char* first_name;
  ConstView first;
  ConstView second;  // the kernel, or for grad_kernel the input
  const char* result_name;
  View result;
  const void* bias = nullptr;
  std::int64_t bias_stride = 0;
  const void* packed = nullptr;
};

Status check_pointers(const Plan::Data& data, const PassViews& views) noexcept {
  const Geometry& g = data.geometry;
  const Index input = g.batch * g.groups * g.in_channels * g.input[0] * g.input[1] * g.input[2];
  const Index output = g.batch * g.groups * g.out_channels * g.output_pixels();
  const Index kernel = g.groups * g.out_channels * g.in_channels * g.taps_per_channel();
  const bool forward = data.pass == Pass::forward;
  const bool grad_kernel = data.pass == Pass::grad_kernel;
  if (Status status = check_pointer(views.first_name, views.first.data, forward ? input : output); !status.ok())
    return status;
  // A kernel that is packed may be nowhere else.
  const bool packed = views.packed != nullptr;
  if (Status status = check_pointer(grad_kernel ? "input" : "kernel", views.second.data,
                                    packed        ? 0
                                    : grad_kernel ? input
                                                  : kernel);
      !status.ok())
    return status;
  return check_pointer(views.result_name, views.result.data, forward ? output : grad_kernel ? kernel : input);
}

template <class T>
Status run_recipe(const Plan::Data& data, const Operands<T>& operands, Workspace workspace) noexcept {
  const PhaseTimer timer(Phase::other);
  const Recipe<T>& recipe = data.recipe<T>();
  const std::size_t wanted = recipe.workspace_bytes();
  const ParallelScope scope(data.parallel);
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

template <class T>
Status run_typed(const Plan::Data& data, const PassViews& views, Workspace workspace) noexcept {
  const int rank = data.problem.spatial_rank;
  Operands<T> operands;
  operands.first = make_tensor<const T>(views.first, rank);
  operands.second = make_tensor<const T>(views.second, rank);
  operands.result = make_tensor<T>(views.result, rank);
  operands.bias = static_cast<const T*>(views.bias);
  operands.bias_stride = views.bias_stride;
  operands.packed = views.packed;
  return run_recipe(data, operands, workspace);
}

Status run(const Plan& plan, Pass pass, const PassViews& views, Workspace workspace) noexcept {
  if (Status status = check_plan(plan, pass); !status.ok()) return status;
  const Plan::Data& data = *plan.data();
  if (Status status = check_pointers(data, views); !status.ok()) return status;
  return data.problem.data_type == DataType::float32 ? run_typed<float>(data, views, workspace)
                                                     : run_typed<double>(data, views, workspace);
}

Status run_packed(const Plan& plan, Pass pass, const PackedKernel& kernel, PassViews views,
                  Workspace workspace) noexcept {
  if (Status status = check_plan(plan, pass); !status.ok()) return status;
  if (kernel.data() == nullptr)
    return Status::invalid("kernel: an empty packed kernel cannot be used; make one with PackedKernel::make");
  if (kernel.data()->plan != plan.data()->number)
    return Status::invalid("kernel: it was packed for another plan than the one that runs");
  views.second = kernel.data()->in_place;
  views.packed = kernel.data()->packed;
  return run(plan, pass, views, workspace);
}

}  // namespace

Status forward(const Plan& plan, const ConstView& input, const ConstView& kernel, const void* bias,
               std::int64_t bias_stride, const View& output, Workspace workspace) noexcept {
  return run(plan, Pass::forward, {"input", input, kernel, "output", output, bias, bias_stride}, workspace);
}

Status grad_kernel(const Plan& plan, const ConstView& grad_output, const ConstView& input, const View& grad_kernel,
                   Workspace workspace) noexcept {
  return run(plan, Pass::grad_kernel, {"grad_output", grad_output, input, "grad_kernel", grad_kernel}, workspace);
}

Status grad_input(const Plan& plan, const ConstView& grad_output, const ConstView& kernel, const View& grad_input,
                  Workspace workspace) noexcept {
  return run(plan, Pass::grad_input, {"grad_output", grad_output, kernel, "grad_input", grad_input}, workspace);
}

Status forward(const Plan& plan, const ConstView& input, const PackedKernel& kernel, const void* bias,
               std::int64_t bias_stride, const View& output, Workspace workspace) noexcept {
  return run_packed(plan, Pass::forward, kernel, {"input", input, {}, "output", output, bias, bias_stride}, workspace);
}

Status grad_input(const Plan& plan, const ConstView& grad_output, const PackedKernel& kernel, const View& grad_input,
                  Workspace workspace) noexcept {
  return run_packed(plan, Pass::grad_input, kernel, {"grad_output", grad_output, {}, "grad_input", grad_input},
                    workspace);
}

}  // namespace convgrad
