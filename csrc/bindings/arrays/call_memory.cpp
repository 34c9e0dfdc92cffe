// Scratch memory for a call from Python; see call_memory.hpp.
#include "arrays/call_memory.hpp"

#include <algorithm>
#include <atomic>
#include <new>

#include "arrays/result_memory.hpp"

namespace convgrad::bindings {
namespace {

// Less comes from what the C library never gives back.
constexpr std::size_t least_bytes = std::size_t{64} << 10;
constexpr std::size_t most_bytes = std::size_t{16} << 20;
constexpr std::size_t alignment = 64;

}  // namespace

/// Lies right before the memory, and takes as much as keeps that aligned.
struct alignas(alignment) CallMemory::Block {
  std::size_t bytes;

  /// What the last call has left behind, if nobody has it now. Threads exchange it for nothing, and back.
  static std::atomic<Block*> kept;

  static Block* make(std::size_t bytes) noexcept {
    void* const memory = ::operator new(sizeof(Block) + bytes, std::align_val_t{alignment}, std::nothrow);
    return memory == nullptr ? nullptr : new (memory) Block{bytes};
  }
  static void free(Block* block) noexcept { ::operator delete(block, std::align_val_t{alignment}); }
};

std::atomic<CallMemory::Block*> CallMemory::Block::kept{nullptr};

CallMemory::CallMemory(std::size_t bytes) {
  if (bytes < least_bytes || bytes > std::min(most_bytes, most_kept_bytes())) return;
  block_ = Block::kept.exchange(nullptr);
  if (block_ != nullptr && block_->bytes >= bytes) return;
  Block::free(block_);
  block_ = Block::make(bytes);
}

CallMemory::~CallMemory() {
  if (block_ != nullptr) Block::free(Block::kept.exchange(block_));
}

Workspace CallMemory::workspace() const noexcept {
  return block_ == nullptr ? Workspace{} : Workspace{block_ + 1, block_->bytes};
}

}  // namespace convgrad::bindings
