// The tables of single instruction sets; nullptr where the build or the processor lacks them.
#ifndef EDGE_RNNT_KERNELS_TABLES_H_
#define EDGE_RNNT_KERNELS_TABLES_H_

#include "kernels/kernels.h"

namespace edge_rnnt {

const Kernels* avx2_kernels();
const Kernels* avx512_vnni_kernels();
const Kernels* neon_kernels();
const Kernels* neon_dot_kernels();

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_KERNELS_TABLES_H_
