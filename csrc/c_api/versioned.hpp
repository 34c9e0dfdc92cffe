// The structs of convgrad.h that begin with their size, turned into those of convgrad.hpp.
#pragma once

#include "convgrad/convgrad.h"
#include "convgrad/convgrad.hpp"

namespace convgrad::c_api {

Status read_problem(const convgrad_problem* problem, Problem& read) noexcept;
// Null = the defaults.
Status read_options(const convgrad_options* options, PlanOptions& read) noexcept;

}  // namespace convgrad::c_api
