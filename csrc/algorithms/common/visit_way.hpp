// Calls call(alternative) with the alternative that a variant holds. std::visit would do, but it can throw, and a
// library without exceptions turns that into abort().
#pragma once

#include <cstddef>
#include <variant>

namespace convgrad {

template <std::size_t index = 0, class Variant, class Call>
decltype(auto) visit_way(const Variant& variant, const Call& call) noexcept {
  const auto* alternative = std::get_if<index>(&variant);
  if constexpr (index + 1 < std::variant_size_v<Variant>) {
    if (alternative == nullptr) return visit_way<index + 1>(variant, call);
  }
  return call(*alternative);
}

}  // namespace convgrad
