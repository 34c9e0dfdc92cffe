// The list of algorithms: "auto" takes the cheapest that serves the problem.
#pragma once

#include "algorithms/algorithm.hpp"

namespace convgrad {

const char* algorithm_name(Algorithm algorithm) noexcept;

// Unsupported or invalid where none serves, for the reason of the last one asked.
template <class T>
Status choose_candidate(Algorithm algorithm, const RecipeRequest<T>& request, Candidate<T>& chosen) noexcept;

}  // namespace convgrad
