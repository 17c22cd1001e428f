// Kernels for x86 with AVX2 and FMA.
#include "kernels/tables.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#include <algorithm>
#include <cstring>

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
//
#include "kernels/lanes_fixed.h"
#include "kernels/lanes_functions.h"
//
#include "kernels/bytes_avx2.h"
//
#include "kernels/dense_avx2.h"
#include "kernels/input_blocks_avx2.h"
#include "kernels/output_blocks_avx2.h"
//
#include "kernels/float_avx2.h"

template <int N>
void input_blocks(const Matrix<int8_t>& w, const int8_t* x, int32_t* sums) {
  w.index8 ? input_blocks<N, uint8_t>(w, x, sums) : input_blocks<N, uint16_t>(w, x, sums);
}

void int8_product(const Matrix<int8_t>& w, const int8_t* x, int32_t* sums) {
  if (w.dense()) return dense_product(w, x, sums);
  if (w.block_out == 1 && !w.straddled()) {
    if (w.block_in == 8) return input_blocks<8>(w, x, sums);
    if (w.block_in == 16) return input_blocks<16>(w, x, sums);
  }
  if (w.block_in == 1 && w.block_out == 8) {
    return w.index8 ? output_blocks<uint8_t>(w, x, sums) : output_blocks<uint16_t>(w, x, sums);
  }
  scalar_kernels().int8_product(w, x, sums);
}

}  // namespace

const Kernels* avx2_kernels() {
  static const bool able = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  static const Kernels table{"avx2",
                             int8_product,
                             float_product,
                             rescale16<Avx2>,
                             rescale8<Avx2>,
                             integer_norm<Avx2>,
                             sigmoid16<Avx2>,
                             tanh16<Avx2>,
                             update_cell<Avx2>,
                             take_hidden<Avx2>,
                             mix_cell<Avx2>,
                             take_highway<Avx2>,
                             float_sigmoid<Avx2>,
                             float_tanh<Avx2>};
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
