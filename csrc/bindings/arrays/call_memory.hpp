// Scratch memory for a call from Python. The C library may give what a call frees back to the system, which clears
// every page before it hands it out again, call after call: up to six per cent of a layer's time, depending on what
// else lies on the heap. So the last call's is kept for the next one.
#pragma once

#include <convgrad/convgrad.hpp>

#include <cstddef>

namespace convgrad::bindings {

/// At least so many bytes while it lives; none at all where there is nothing to gain, and the library helps itself
/// then.
class CallMemory {
 public:
  explicit CallMemory(std::size_t bytes);
  ~CallMemory();
  CallMemory(const CallMemory&) = delete;
  CallMemory& operator=(const CallMemory&) = delete;
  [[nodiscard]] Workspace workspace() const noexcept;

 private:
  struct Block;
  Block* block_ = nullptr;
};

}  // namespace convgrad::bindings
