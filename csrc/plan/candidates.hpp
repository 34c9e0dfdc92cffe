// The ordered list of algorithms, best first, reference last: "auto" takes the first that can serve the problem.
#pragma once

#include "algorithms/algorithm.hpp"

namespace convgrad {

const char* algorithm_name(Algorithm algorithm) noexcept;

// `algorithm` comes in as asked for and goes out as chosen.
template <class T>
Status choose_recipe(Algorithm& algorithm, const RecipeRequest<T>& request,
                     std::unique_ptr<Recipe<T>>& recipe) noexcept;

}  // namespace convgrad
