// What every processor of the architecture runs: 16-byte vectors, and separate multiplications and additions where it
// has no FMA.
#define CONVGRAD_ISA baseline
#define CONVGRAD_VECTOR_BYTES 16
#define CONVGRAD_REGISTERS 16
#define CONVGRAD_TILE_ROWS 6

#include "kernels/isa_table.inc.hpp"
