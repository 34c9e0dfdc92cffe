#include "core/cpu.hpp"

#include <cerrno>
#include <cstdint>
#include <cstdlib>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

namespace convgrad {

#if defined(__x86_64__) || defined(__i386__)

// The compiler's own query also asks whether the operating system saves the wide registers. The features are those that
// the ISA's source file is compiled with (CMakeLists.txt).
bool cpu_has_avx512() noexcept {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("fma");
}

bool cpu_has_avx2() noexcept {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

#else

bool cpu_has_avx512() noexcept { return false; }
bool cpu_has_avx2() noexcept { return false; }

#endif

// Both are asked once: on a virtual machine that takes microseconds.
std::size_t second_level_cache_bytes() noexcept {
#if defined(_SC_LEVEL2_CACHE_SIZE)
  static const long known = sysconf(_SC_LEVEL2_CACHE_SIZE);
  if (known > 0) return static_cast<std::size_t>(known);
#endif
  return std::size_t{1} << 20;
}

namespace {

#if defined(__x86_64__) || defined(__i386__)

// Intel's and AMD's lists of caches are alike. The C library adds up all third-level caches of an AMD processor.
std::size_t third_level_cache_bytes() noexcept {
  constexpr unsigned lists[] = {0x4, 0x8000001d};
  constexpr unsigned most_caches = 8;
  for (const unsigned list : lists)
    for (unsigned cache = 0; cache < most_caches; ++cache) {
      unsigned kind = 0;
      unsigned shape = 0;
      unsigned sets = 0;
      unsigned more = 0;
      if (__get_cpuid_count(list, cache, &kind, &shape, &sets, &more) == 0 || (kind & 0x1f) == 0) break;
      const std::size_t ways = (shape >> 22) + 1;
      const std::size_t partitions = (shape >> 12 & 0x3ff) + 1;
      const std::size_t line = (shape & 0xfff) + 1;
      if ((kind >> 5 & 0x7) == 3) return ways * partitions * line * (std::size_t{sets} + 1);
    }
  return SIZE_MAX;
}

#else

std::size_t third_level_cache_bytes() noexcept { return SIZE_MAX; }

#endif

struct LastLevelCache {
  std::size_t bytes;
  bool usable = true;  // what the environment says

  LastLevelCache() noexcept : bytes(third_level_cache_bytes()) {
    const char* text = std::getenv("CONVGRAD_CACHE_MIB");
    if (text == nullptr || *text == '\0') return;
    char* end = nullptr;
    errno = 0;
    const long long mebibytes = std::strtoll(text, &end, 10);
    usable = *end == '\0' && errno == 0 && mebibytes >= 0 && mebibytes <= (1LL << 40);
    if (usable) bytes = static_cast<std::size_t>(mebibytes) << 20;
  }
};

const LastLevelCache& last_level_cache() noexcept {
  static const LastLevelCache instance;
  return instance;
}

}  // namespace

std::size_t last_level_cache_bytes() noexcept { return last_level_cache().bytes; }

bool cache_limit_is_usable() noexcept { return last_level_cache().usable; }

}  // namespace convgrad
