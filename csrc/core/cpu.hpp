// What this processor can run, asked of the processor itself.
#pragma once

namespace convgrad {

bool cpu_has_avx512() noexcept;
bool cpu_has_avx2() noexcept;

}  // namespace convgrad
