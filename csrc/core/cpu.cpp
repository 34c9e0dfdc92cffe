#include "core/cpu.hpp"

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

// Asked once: on a virtual machine that takes microseconds.
std::size_t second_level_cache_bytes() noexcept {
#if defined(_SC_LEVEL2_CACHE_SIZE)
  static const long known = sysconf(_SC_LEVEL2_CACHE_SIZE);
  if (known > 0) return static_cast<std::size_t>(known);
#endif
  return std::size_t{1} << 20;
}

}  // namespace convgrad
