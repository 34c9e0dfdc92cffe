// 32 registers of 64 bytes: 28 accumulators, 2 panel vectors, 1 broadcast.
#define CONVGRAD_ISA avx512
#define CONVGRAD_VECTOR_BYTES 64
#define CONVGRAD_REGISTERS 32
#define CONVGRAD_TILE_ROWS 14

#include "isa_table.inc.hpp"
