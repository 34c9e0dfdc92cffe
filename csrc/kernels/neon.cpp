// 32 registers of 16 bytes: 24 accumulators, 2 panel vectors, 2 broadcasts.
#define CONVGRAD_ISA neon
#define CONVGRAD_VECTOR_BYTES 16
#define CONVGRAD_REGISTERS 32
#define CONVGRAD_TILE_ROWS 12

#include "kernels/isa_table.inc.hpp"
