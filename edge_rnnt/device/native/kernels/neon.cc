// Kernels for 64-bit ARM, every one of which has NEON.
#include "kernels/tables.h"

#if defined(__aarch64__)

#include <arm_neon.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "kernels/fixed_norm.h"

namespace edge_rnnt {
namespace {

#include "kernels/lanes_bytes_neon.h"
#include "kernels/lanes_neon.h"
#include "kernels/vector_kernels.h"

}  // namespace

const Kernels* neon_kernels() {
  static const Kernels table = vector_kernels<NeonBytes, Neon>("neon");
  return &table;
}

}  // namespace edge_rnnt

#else

namespace edge_rnnt {
const Kernels* neon_kernels() { return nullptr; }
}  // namespace edge_rnnt

#endif
