#include "kernels/tables.h"

namespace edge_rnnt {
const Kernels* neon_kernels() { return nullptr; }
const Kernels* neon_dot_kernels() { return nullptr; }
}  // namespace edge_rnnt
