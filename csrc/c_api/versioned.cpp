#include "c_api/versioned.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <iterator>

namespace convgrad::c_api {

namespace {

// Up to the last member of the first version: a struct is never smaller.
constexpr std::size_t first_problem_size =
    offsetof(convgrad_problem, padding_after) + sizeof convgrad_problem::padding_after;
constexpr std::size_t first_options_size =
    offsetof(convgrad_options, parallel_context) + sizeof convgrad_options::parallel_context;

// Room for all that later versions may add.
constexpr std::size_t most_struct_size = 4096;

convgrad_problem default_problem() noexcept {
  const Problem from;
  convgrad_problem problem{};
  problem.struct_size = sizeof problem;
  problem.data_type = static_cast<std::int32_t>(from.data_type);
  problem.spatial_rank = from.spatial_rank;
  problem.batch = from.batch;
  problem.in_channels = from.in_channels;
  problem.out_channels = from.out_channels;
  problem.groups = from.groups;
  std::copy(from.input_size.begin(), from.input_size.end(), problem.input_size);
  std::copy(from.kernel_size.begin(), from.kernel_size.end(), problem.kernel_size);
  std::copy(from.stride.begin(), from.stride.end(), problem.stride);
  std::copy(from.dilation.begin(), from.dilation.end(), problem.dilation);
  std::copy(from.padding_before.begin(), from.padding_before.end(), problem.padding_before);
  std::copy(from.padding_after.begin(), from.padding_after.end(), problem.padding_after);
  return problem;
}

convgrad_options default_options() noexcept {
  convgrad_options options{};
  options.struct_size = sizeof options;
  return options;
}

// A struct of the caller's version, over the defaults of this one. What a newer version has beyond this one must be
// zero, which always means that nothing is asked for.
template <class Struct>
Status read_versioned(const char* name, const Struct* from, std::size_t first_size, Struct& to) noexcept {
  if (from == nullptr) return Status::invalid("%s: the pointer is null", name);
  const std::size_t size = from->struct_size;
  if (size < first_size)
    return Status::invalid("%s: expected a struct_size of at least %zu, got %zu; set it up with convgrad_init_%s", name,
                           first_size, size, name);
  if (size > most_struct_size)
    return Status::invalid("%s: expected a struct_size of at most %zu, got %zu", name, most_struct_size, size);
  std::memcpy(&to, from, std::min(size, sizeof to));
  for (std::size_t i = sizeof to; i < size; ++i)
    if (reinterpret_cast<const unsigned char*>(from)[i] != 0)
      return Status::unsupported("%s: it asks for something that convgrad %s does not know yet", name, version());
  return {};
}

// As much of the defaults as the caller's version knows, and zeros beyond this one's.
template <class Struct>
convgrad_status init_versioned(Struct* to, std::size_t size, std::size_t first_size, Struct defaults) noexcept {
  if (to == nullptr || size < first_size || size > most_struct_size) return CONVGRAD_INVALID;
  defaults.struct_size = size;
  std::memset(static_cast<void*>(to), 0, size);
  std::memcpy(to, &defaults, std::min(size, sizeof defaults));
  return CONVGRAD_OK;
}

}  // namespace

Status read_problem(const convgrad_problem* problem, Problem& read) noexcept {
  convgrad_problem from = default_problem();
  if (Status status = read_versioned("problem", problem, first_problem_size, from); !status.ok()) return status;
  read.data_type = static_cast<DataType>(from.data_type);
  read.spatial_rank = from.spatial_rank;
  read.batch = from.batch;
  read.in_channels = from.in_channels;
  read.out_channels = from.out_channels;
  read.groups = from.groups;
  std::copy(std::begin(from.input_size), std::end(from.input_size), read.input_size.begin());
  std::copy(std::begin(from.kernel_size), std::end(from.kernel_size), read.kernel_size.begin());
  std::copy(std::begin(from.stride), std::end(from.stride), read.stride.begin());
  std::copy(std::begin(from.dilation), std::end(from.dilation), read.dilation.begin());
  std::copy(std::begin(from.padding_before), std::end(from.padding_before), read.padding_before.begin());
  std::copy(std::begin(from.padding_after), std::end(from.padding_after), read.padding_after.begin());
  return {};
}

Status read_options(const convgrad_options* options, PlanOptions& read) noexcept {
  if (options == nullptr) return {};
  convgrad_options from = default_options();
  if (Status status = read_versioned("options", options, first_options_size, from); !status.ok()) return status;
  read.algorithm = static_cast<Algorithm>(from.algorithm);
  read.threads = from.threads;
  read.parallel.run = from.parallel;
  read.parallel.context = from.parallel_context;
  return {};
}

}  // namespace convgrad::c_api

using namespace convgrad::c_api;

convgrad_status convgrad_init_problem(convgrad_problem* problem, size_t struct_size) {
  return init_versioned(problem, struct_size, first_problem_size, default_problem());
}

convgrad_status convgrad_init_options(convgrad_options* options, size_t struct_size) {
  return init_versioned(options, struct_size, first_options_size, default_options());
}
