// Problem -> Plan: checks the sizes, picks the kernel set and the algorithm.
#include <atomic>
#include <new>
#include <utility>

#include "core/parallel.hpp"
#include "plan/candidates.hpp"
#include "plan/isa.hpp"
#include "plan/plan_data.hpp"

namespace convgrad {

namespace {

std::atomic<std::uint64_t> plans_made{0};

template <class T>
Status fill_recipe(const PlanOptions& options, Plan::Data& data) noexcept {
  const int threads = options.threads > 0 ? options.threads : get_num_threads();
  const RecipeRequest<T> request{data.pass, data.geometry, kernels::kernel_set<T>(*data.isa), threads, options.way};
  Candidate<T> chosen{};
  if (Status status = choose_candidate(options.algorithm, request, chosen); !status.ok()) return status;
  data.algorithm = chosen.algorithm;
  data.error_constant = chosen.error_constant;
  return chosen.make_recipe(request, data.recipe<T>());
}

}  // namespace

Plan::Plan() noexcept = default;
Plan::~Plan() { delete data_; }
Plan::Plan(Plan&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
Plan& Plan::operator=(Plan&& other) noexcept {
  Plan taken(std::move(other));
  std::swap(data_, taken.data_);
  return *this;
}

Status Plan::make(Pass pass, const Problem& problem, const PlanOptions& options, Plan& plan) noexcept {
  if (pass != Pass::forward && pass != Pass::grad_kernel && pass != Pass::grad_input)
    return Status::invalid("pass: expected forward, grad_kernel or grad_input, got code %d", static_cast<int>(pass));
  if (Status status = check_threads_option(options.threads); !status.ok()) return status;
  Plan made;
  made.data_ = new (std::nothrow) Data;
  if (made.data_ == nullptr) return Status::out_of_memory(sizeof(Data));
  Data& data = *made.data_;
  data.number = plans_made.fetch_add(1, std::memory_order_relaxed) + 1;
  data.pass = pass;
  data.problem = problem;
  data.parallel = options.parallel;
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

std::size_t Plan::describe(char* to, std::size_t size) const noexcept {
  Text text(to, size);
  text.line("algorithm", "%s", algorithm_name(data_->algorithm));
  if (data_->recipe_float32)
    data_->recipe_float32->describe(text);
  else
    data_->recipe_float64->describe(text);
  text.line("threads", "%d", threads());
  text.line("workspace", "%zu bytes", workspace_bytes());
  return text.length();
}

double Plan::error_constant() const noexcept { return data_->error_constant; }
double Plan::flops() const noexcept { return 2 * data_->geometry.multiplications(); }

}  // namespace convgrad
