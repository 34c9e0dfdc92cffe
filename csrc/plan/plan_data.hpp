// What a plan and a packed kernel hold.
#pragma once

#include <cstdint>
#include <memory>

#include "algorithms/algorithm.hpp"
#include "core/workspace.hpp"

namespace convgrad {

struct Plan::Data {
  std::uint64_t number = 0;  // of all plans ever made in this process
  Pass pass = Pass::forward;
  Problem problem;
  Geometry geometry;
  Algorithm algorithm = Algorithm::automatic;
  double error_constant = 0;
  const kernels::IsaTable* isa = nullptr;
  Parallel parallel;
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
  template <class T>
  const Recipe<T>& recipe() const noexcept {
    return *const_cast<Data*>(this)->recipe<T>();
  }
};

struct PackedKernel::Data {
  Data(std::uint64_t plan_number, std::size_t bytes) noexcept : plan(plan_number), memory(bytes), size(bytes) {}

  std::uint64_t plan;  // the number of the plan it was packed for; addresses are used again, numbers are not
  OwnedWorkspace memory;
  std::size_t size;
  const void* packed = nullptr;
  ConstView in_place;  // a dense copy of K, where the recipe reads it
};

// Nothing but the plan: is there one, and for this pass?
Status check_plan(const Plan& plan, Pass wanted) noexcept;
// A tensor without elements may have a null pointer, no other.
Status check_pointer(const char* name, const void* data, Index elements) noexcept;

}  // namespace convgrad
