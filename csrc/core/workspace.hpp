// Scratch memory: one block per call, cut into 64-byte-aligned pieces whose places a plan computes beforehand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace convgrad {

inline constexpr std::size_t workspace_alignment = 64;

// Hands out offsets one after the other. The plan and the run both read the offsets it gave, so they cannot disagree.
class WorkspaceLayout {
 public:
  template <class T>
  std::size_t reserve(std::int64_t count) noexcept {
    const std::size_t offset = bytes_;
    const std::size_t size = static_cast<std::size_t>(count) * sizeof(T);
    bytes_ += (size + workspace_alignment - 1) / workspace_alignment * workspace_alignment;
    return offset;
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  std::size_t bytes_ = 0;
};

template <class T>
T* at_offset(void* base, std::size_t offset) noexcept {
  return reinterpret_cast<T*>(static_cast<char*>(base) + offset);
}

class OwnedWorkspace {
 public:
  explicit OwnedWorkspace(std::size_t bytes) noexcept
      : data_(bytes == 0 ? nullptr
                         : std::aligned_alloc(workspace_alignment, (bytes + workspace_alignment - 1) /
                                                                       workspace_alignment * workspace_alignment)) {}
  ~OwnedWorkspace() { std::free(data_); }
  OwnedWorkspace(const OwnedWorkspace&) = delete;
  OwnedWorkspace& operator=(const OwnedWorkspace&) = delete;
  [[nodiscard]] void* data() const noexcept { return data_; }

 private:
  void* data_;
};

}  // namespace convgrad
