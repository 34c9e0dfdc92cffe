// Memory for results; see result_memory.hpp.
#include "result_memory.hpp"

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <string>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "errors.hpp"

namespace convgrad::bindings {
namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;
// Less is written in no time, wherever it begins.
constexpr std::size_t least_bytes = std::size_t{64} << 10;
// Smaller arrays the C library keeps by itself.
constexpr std::size_t least_bytes_kept = 32 * mebibyte;
// Smaller arrays have no use for huge pages.
constexpr std::size_t least_bytes_in_huge_pages = 4 * mebibyte;
constexpr std::size_t cache_line = 64;
constexpr std::size_t most_kept_by_default = 256;  // mebibytes
constexpr std::size_t huge_page = 2 * mebibyte;

struct Block {
  void* data;
  std::size_t bytes;
};

bool read_limit(std::size_t& mebibytes) {
  const char* text = std::getenv("CONVGRAD_KEPT_MIB");
  mebibytes = most_kept_by_default;
  if (text == nullptr || *text == '\0') return true;
  char* end = nullptr;
  errno = 0;
  const long long number = std::strtoll(text, &end, 10);
  if (*end != '\0' || errno != 0 || number < 0 || number > (1LL << 40)) return false;
  mebibytes = static_cast<std::size_t>(number);
  return true;
}

void give_back(const Block& block) { ::operator delete(block.data, std::align_val_t{huge_page}); }

/// What results have left behind, latest first.
class KeptMemory {
 public:
  KeptMemory() {
    std::size_t mebibytes = 0;
    read_limit(mebibytes);
    limit_ = mebibytes * mebibyte;
  }

  /// A block of at least so many bytes, and at most a quarter more.
  bool take(std::size_t bytes, Block& block) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (auto kept = blocks_.begin(); kept != blocks_.end(); ++kept) {
      if (kept->bytes < bytes || kept->bytes - bytes > bytes / 4) continue;
      block = *kept;
      kept_ -= block.bytes;
      blocks_.erase(kept);
      return true;
    }
    return false;
  }

  void keep(const Block& block) {
    const std::lock_guard<std::mutex> lock(mutex_);
    blocks_.push_front(block);
    kept_ += block.bytes;
    drop_beyond(limit_);
  }

  void drop_all() {
    const std::lock_guard<std::mutex> lock(mutex_);
    drop_beyond(0);
  }

 private:
  void drop_beyond(std::size_t limit) {
    while (kept_ > limit) {
      kept_ -= blocks_.back().bytes;
      give_back(blocks_.back());
      blocks_.pop_back();
    }
  }

  std::mutex mutex_;
  std::list<Block> blocks_;
  std::size_t kept_ = 0;
  std::size_t limit_ = 0;
};

/// Never destroyed: results may outlive everything else.
KeptMemory& kept_memory() {
  static auto* memory = new KeptMemory;
  return *memory;
}

void* round_up(void* pointer, std::size_t multiple) {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  return static_cast<char*>(pointer) + (multiple - address % multiple) % multiple;
}

/// As NumPy does; without it the same, only slower.
void ask_for_huge_pages([[maybe_unused]] void* data, [[maybe_unused]] std::size_t bytes) {
#if defined(__linux__)
  char* const end = static_cast<char*>(data) + bytes;
  char* const begin = static_cast<char*>(round_up(data, huge_page));
  if (begin < end) madvise(begin, static_cast<std::size_t>(end - begin), MADV_HUGEPAGE);
#endif
}

bool allocate(std::size_t bytes, Block& block) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    void* data = ::operator new(bytes, std::align_val_t{huge_page}, std::nothrow);
    if (data != nullptr) {
      ask_for_huge_pages(data, bytes);
      block = {data, bytes};
      return true;
    }
    kept_memory().drop_all();
  }
  return false;
}

/// From malloc and not from an aligned kind of it, which cannot always use again what it was given back.
ResultMemory take_aligned(std::size_t bytes) {
  std::unique_ptr<void, decltype(&std::free)> allocated(std::malloc(bytes + cache_line), &std::free);
  if (!allocated) return {};
  void* const data = round_up(allocated.get(), cache_line);
  if (bytes >= least_bytes_in_huge_pages) ask_for_huge_pages(data, bytes);
  py::object owner = py::capsule(static_cast<const void*>(allocated.get()), [](void* pointer) { std::free(pointer); });
  allocated.release();
  return {std::move(owner), data};
}

ResultMemory take_kept(std::size_t bytes) {
  Block block{};
  if (!kept_memory().take(bytes, block) && !allocate(bytes, block)) return {};
  try {
    auto owned = std::make_unique<Block>(block);
    py::object owner = py::capsule(owned.get(), [](void* pointer) {
      const std::unique_ptr<Block> returned(static_cast<Block*>(pointer));
      try {
        kept_memory().keep(*returned);
      } catch (const std::bad_alloc&) {
        give_back(*returned);
      }
    });
    owned.release();
    return {std::move(owner), block.data};
  } catch (...) {
    give_back(block);
    throw;
  }
}

}  // namespace

ResultMemory take_result_memory(std::size_t bytes) {
  if (bytes < least_bytes || bytes > SIZE_MAX / 2) return {};
  return bytes < least_bytes_kept ? take_aligned(bytes) : take_kept(bytes);
}

void require_usable_kept_memory() {
  std::size_t mebibytes = 0;
  if (read_limit(mebibytes)) return;
  const std::string text = std::getenv("CONVGRAD_KEPT_MIB");
  raise_import_error(("CONVGRAD_KEPT_MIB: expected a number of mebibytes, 0 or more, got " + text).c_str());
}

}  // namespace convgrad::bindings
