// Kernels for x86 with AVX-512's dot product of bytes (Ice Lake, Zen 4 and later), on vectors of 256
// bits: longer ones gain nothing where memory is the limit.
#include "kernels/tables.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "kernels/fixed_norm.h"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,avx512f,avx512vl,avx512vnni"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512vl,avx512vnni")
#endif

namespace edge_rnnt {
namespace {

#include "kernels/lanes_avx2.h"
#include "kernels/lanes_bytes_avx2.h"
#include "kernels/vector_kernels.h"

struct VnniBytes : Avx2Bytes {
  static Words add_products(Words sums, Bytes x, Bytes w) {
    return _mm256_dpbusd_epi32(sums, _mm256_abs_epi8(x), _mm256_sign_epi8(w, x));
  }
};

}  // namespace

const Kernels* avx512_vnni_kernels() {
  static const bool able = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                           __builtin_cpu_supports("avx512vl") &&
                           __builtin_cpu_supports("avx512vnni");
  static const Kernels table = vector_kernels<VnniBytes, Avx2>("avx512-vnni");
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
const Kernels* avx512_vnni_kernels() { return nullptr; }
}  // namespace edge_rnnt

#endif
