#include <cstdarg>
#include <cstdio>

#include "convgrad/convgrad.hpp"

namespace convgrad {

Status Status::invalid(const char* format, ...) noexcept {
  Status status;
  status.code_ = StatusCode::invalid;
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(status.message_, sizeof status.message_, format, arguments);
  va_end(arguments);
  return status;
}

Status Status::unsupported(const char* format, ...) noexcept {
  Status status;
  status.code_ = StatusCode::unsupported;
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(status.message_, sizeof status.message_, format, arguments);
  va_end(arguments);
  return status;
}

Status Status::out_of_memory(std::size_t bytes) noexcept {
  Status status;
  status.code_ = StatusCode::out_of_memory;
  std::snprintf(status.message_, sizeof status.message_, "no memory for a workspace of %zu bytes", bytes);
  return status;
}

}  // namespace convgrad
