// 32 registers of 64 bytes: 28 accumulators, 2 panel vectors, 2 broadcasts.
#define CONVGRAD_ISA avx512
#define CONVGRAD_VECTOR_BYTES 64
#define CONVGRAD_REGISTERS 32
#if defined(__clang__)
// Clang moves the broadcasts of all rows ahead of the arithmetic, and beyond eight rows no longer has the registers for
// them.
#define CONVGRAD_TILE_ROWS 8
#define CONVGRAD_GROUPED_ROWS 8
#else
#define CONVGRAD_TILE_ROWS 14
// By a shuffle with lane numbers in a register, for which Clang has no portable form.
#define CONVGRAD_SHIFT_IN_REGISTERS
#endif

#include "kernels/isa_table.inc.hpp"
