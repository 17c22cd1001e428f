// Kernels for 64-bit ARM with the dot product of bytes (Cortex-A75, A55 and later, Apple's).
#include "kernels/tables.h"

#if defined(__aarch64__)

#include <arm_neon.h>
#if defined(__linux__)
#include <sys/auxv.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#endif

#include <algorithm>
#include <cstring>
#include <numeric>

#include "kernels/fixed_norm.h"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("arch=armv8.2-a+dotprod")
#endif

namespace edge_rnnt {
namespace {

#include "kernels/lanes_bytes_neon.h"
#include "kernels/lanes_neon.h"
#include "kernels/vector_kernels.h"

struct NeonDotBytes : NeonBytes {
  static Words add_products(Words sums, Bytes x, Bytes w) { return vdotq_s32(sums, x, w); }
};

}  // namespace
}  // namespace edge_rnnt

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace edge_rnnt {
namespace {

bool able() {
#if defined(__linux__)
  constexpr unsigned long kDotProducts = 1ul << 20;  // HWCAP_ASIMDDP
  return getauxval(AT_HWCAP) & kDotProducts;
#elif defined(__APPLE__)
  int found = 0;
  size_t size = sizeof found;
  return !sysctlbyname("hw.optional.arm.FEAT_DotProd", &found, &size, nullptr, 0) && found;
#else
  return false;
#endif
}

}  // namespace

const Kernels* neon_dot_kernels() {
  static const Kernels table = vector_kernels<NeonDotBytes, Neon>("neon-dot");
  return able() ? &table : nullptr;
}

}  // namespace edge_rnnt

#else

namespace edge_rnnt {
const Kernels* neon_dot_kernels() { return nullptr; }
}  // namespace edge_rnnt

#endif
