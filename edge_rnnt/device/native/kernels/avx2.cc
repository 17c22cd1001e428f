// Kernels for x86 with AVX2 and FMA.
#include "kernels/tables.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "kernels/fixed_norm.h"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

namespace edge_rnnt {
namespace {

#include "kernels/lanes_avx2.h"
#include "kernels/lanes_bytes_avx2.h"
#include "kernels/vector_kernels.h"

}  // namespace

const Kernels* avx2_kernels() {
  static const bool able = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  static const Kernels table = vector_kernels<Avx2Bytes, Avx2>("avx2");
  return able ? &table : nullptr;
}

}  // namespace edge_rnnt

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#else

namespace edge_rnnt {
const Kernels* avx2_kernels() { return nullptr; }
}  // namespace edge_rnnt

#endif
