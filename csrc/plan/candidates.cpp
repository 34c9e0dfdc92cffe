#include "plan/candidates.hpp"

#include "algorithms/gemm/gemm.hpp"
#include "algorithms/reference/reference.hpp"

namespace convgrad {

const char* algorithm_name(Algorithm algorithm) noexcept {
  switch (algorithm) {
    case Algorithm::automatic: return "auto";
    case Algorithm::gemm: return "gemm";
    case Algorithm::reference: return "reference";
  }
  return "unknown";
}

template <class T>
Status choose_candidate(Algorithm algorithm, const RecipeRequest<T>& request, Candidate<T>& chosen) noexcept {
  const Candidate<T> candidates[] = {reference::candidate<T>(), gemm::candidate<T>()};
  Status refusal = Status::invalid("algorithm: unknown code %d", static_cast<int>(algorithm));
  bool any = false;
  double lowest = 0;
  for (const Candidate<T>& candidate : candidates) {
    if (algorithm != Algorithm::automatic && algorithm != candidate.algorithm) continue;
    Status status = candidate.serves(request);
    if (!status.ok()) {
      refusal = status;
      continue;
    }
    const double cost = candidate.cost(request);
    if (any && cost > lowest) continue;  // of equal ones, as where there is nothing to multiply, the last
    any = true;
    lowest = cost;
    chosen = candidate;
  }
  return any ? Status{} : refusal;
}

template Status choose_candidate<float>(Algorithm, const RecipeRequest<float>&, Candidate<float>&) noexcept;
template Status choose_candidate<double>(Algorithm, const RecipeRequest<double>&, Candidate<double>&) noexcept;

}  // namespace convgrad
