// Slow and obvious: equations (1)-(3) as loops. The last candidate of every pass, and what the others are tested
// against.
#pragma once

#include "algorithms/algorithm.hpp"

namespace convgrad::reference {

template <class T>
Status make_recipe(const RecipeRequest<T>& request, std::unique_ptr<Recipe<T>>& recipe) noexcept;

}  // namespace convgrad::reference
