// Memory for results; see result_memory.hpp.
#include "arrays/result_memory.hpp"

#include <pybind11/numpy.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <list>
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
constexpr std::size_t least_bytes_kept = 16 * mebibyte;
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

  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }

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

bool allocate_to_keep(std::size_t bytes, Block& block) {
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

/// Lies right before an array's elements.
struct Header {
  Block block;           ///< the array lies in
  std::size_t elements;  ///< bytes that it may use
  bool kept;             ///< when the array ends, or else the C library's
};
constexpr std::size_t offset = 64;  // of the elements in a block, at least
static_assert(sizeof(Header) <= offset && offset % cache_line == 0);

Header* header_of(void* elements) { return static_cast<Header*>(elements) - 1; }

void* take(void* /*context*/, std::size_t bytes) {
  if (bytes > SIZE_MAX / 2) return nullptr;
  Block block{};
  const bool kept = bytes >= least_bytes_kept;
  const std::size_t wanted = bytes + offset + (kept ? 0 : cache_line);
  if (kept) {
    if (!kept_memory().take(wanted, block) && !allocate_to_keep(wanted, block)) return nullptr;
  } else {
    // From malloc and not from an aligned kind of it, which cannot always use again what it was given back.
    block = {std::malloc(wanted), wanted};
    if (block.data == nullptr) return nullptr;
    if (bytes >= least_bytes_in_huge_pages) ask_for_huge_pages(block.data, wanted);
  }
  void* const elements = round_up(static_cast<char*>(block.data) + offset, cache_line);
  new (header_of(elements)) Header{block, bytes, kept};
  return elements;
}

void give_back_elements(void* /*context*/, void* elements, std::size_t /*bytes*/) {
  if (elements == nullptr) return;
  const Header header = *header_of(elements);
  if (!header.kept) {
    std::free(header.block.data);
    return;
  }
  try {
    kept_memory().keep(header.block);
  } catch (const std::bad_alloc&) {
    give_back(header.block);
  }
}

void* take_cleared(void* context, std::size_t count, std::size_t element_bytes) {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(count, element_bytes, &bytes)) return nullptr;
  void* const elements = take(context, bytes);
  return elements == nullptr ? nullptr : std::memset(elements, 0, bytes);
}

void* resize(void* context, void* elements, std::size_t bytes) {
  void* const moved = take(context, bytes);
  if (moved == nullptr || elements == nullptr) return moved;
  std::memcpy(moved, elements, std::min(bytes, header_of(elements)->elements));
  give_back_elements(context, elements, 0);
  return moved;
}

/// PyDataMem_Handler of NumPy's C API, version 1.
struct Handler {
  char name[127];
  std::uint8_t version;
  void* context;
  void* (*malloc)(void* context, std::size_t bytes);
  void* (*calloc)(void* context, std::size_t count, std::size_t element_bytes);
  void* (*realloc)(void* context, void* elements, std::size_t bytes);
  void (*free)(void* context, void* elements, std::size_t bytes);
};
Handler handler{"convgrad", 1, nullptr, take, take_cleared, resize, give_back_elements};

/// The part of NumPy's C API that chooses allocators, which pybind11 does not cover.
struct Allocators {
  PyObject* (*set_handler)(PyObject* handler) = nullptr;
  PyObject* (*get_handler)() = nullptr;
  PyObject* default_handler = nullptr;
  PyObject* own_handler = nullptr;

  Allocators() {
    const py::object api = py::detail::import_numpy_core_submodule("multiarray").attr("_ARRAY_API");
    void** const table = static_cast<void**>(PyCapsule_GetPointer(api.ptr(), nullptr));
    if (table == nullptr) throw py::error_already_set();
    set_handler = reinterpret_cast<PyObject* (*)(PyObject*)>(table[304]);  // as numbered in NumPy's ABI since 1.22
    get_handler = reinterpret_cast<PyObject* (*)()>(table[305]);
    default_handler = *static_cast<PyObject**>(table[306]);
    own_handler = PyCapsule_New(&handler, "mem_handler", nullptr);
    if (own_handler == nullptr) throw py::error_already_set();
  }
};

/// Never destroyed: arrays may outlive everything else.
const Allocators& allocators() {
  static const auto* all = new Allocators;
  return *all;
}

}  // namespace

ResultMemory::ResultMemory(std::size_t bytes) {
  if (bytes < least_bytes) return;
  const auto current = py::reinterpret_steal<py::object>(allocators().get_handler());
  if (!current) throw py::error_already_set();
  if (current.ptr() != allocators().default_handler) return;
  replaced_ = py::reinterpret_steal<py::object>(allocators().set_handler(allocators().own_handler));
  if (!replaced_) throw py::error_already_set();
}

ResultMemory::~ResultMemory() {
  if (!replaced_) return;
  const py::error_scope pending;
  const auto own = py::reinterpret_steal<py::object>(allocators().set_handler(replaced_.ptr()));
  if (!own) PyErr_Clear();
}

std::size_t most_kept_bytes() { return kept_memory().limit(); }

void require_usable_kept_memory() {
  std::size_t mebibytes = 0;
  if (read_limit(mebibytes)) return;
  const std::string text = std::getenv("CONVGRAD_KEPT_MIB");
  raise_import_error(("CONVGRAD_KEPT_MIB: expected a number of mebibytes, 0 or more, got " + text).c_str());
}

}  // namespace convgrad::bindings
