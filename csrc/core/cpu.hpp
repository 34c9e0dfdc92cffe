// What this processor can run and hold, asked of the processor itself.
#pragma once

#include <cstddef>

namespace convgrad {

bool cpu_has_avx512() noexcept;
bool cpu_has_avx2() noexcept;

// Of one core; a mebibyte where the system does not say.
std::size_t second_level_cache_bytes() noexcept;

}  // namespace convgrad
