#include "plan/candidates.hpp"

#include "algorithms/gemm/gemm.hpp"
#include "algorithms/reference/reference.hpp"

namespace convgrad {

namespace {

template <class T>
struct Candidate {
  Algorithm algorithm;
  Status (*make_recipe)(const RecipeRequest<T>&, std::unique_ptr<Recipe<T>>&) noexcept;
};

template <class T>
constexpr Candidate<T> candidates[] = {
    {Algorithm::gemm, gemm::make_recipe<T>},
    {Algorithm::reference, reference::make_recipe<T>},
};

}  // namespace

const char* algorithm_name(Algorithm algorithm) noexcept {
  switch (algorithm) {
    case Algorithm::automatic: return "auto";
    case Algorithm::gemm: return "gemm";
    case Algorithm::reference: return "reference";
  }
  return "unknown";
}

template <class T>
Status choose_recipe(Algorithm& algorithm, const RecipeRequest<T>& request,
                     std::unique_ptr<Recipe<T>>& recipe) noexcept {
  for (const Candidate<T>& candidate : candidates<T>) {
    if (algorithm != Algorithm::automatic && algorithm != candidate.algorithm) continue;
    Status status = candidate.make_recipe(request, recipe);
    const bool may_go_on = algorithm == Algorithm::automatic && status.code() == StatusCode::unsupported;
    if (may_go_on) continue;
    algorithm = candidate.algorithm;
    return status;
  }
  return Status::invalid("algorithm: unknown code %d", static_cast<int>(algorithm));
}

template Status choose_recipe<float>(Algorithm&, const RecipeRequest<float>&, std::unique_ptr<Recipe<float>>&) noexcept;
template Status choose_recipe<double>(Algorithm&, const RecipeRequest<double>&,
                                      std::unique_ptr<Recipe<double>>&) noexcept;

}  // namespace convgrad
