// 16 registers of 32 bytes: 12 accumulators, 2 panel vectors, 2 broadcasts.
#define CONVGRAD_ISA avx2
#define CONVGRAD_VECTOR_BYTES 32
#define CONVGRAD_REGISTERS 16
#define CONVGRAD_TILE_ROWS 6

#include "kernels/isa_table.inc.hpp"
