// What every instruction set's layer norm computes once per gate, in plain integers.
#ifndef EDGE_RNNT_KERNELS_FIXED_NORM_H_
#define EDGE_RNNT_KERNELS_FIXED_NORM_H_

#include "kernels/fixed_point.h"

namespace edge_rnnt {

// 1 / sqrt(x) of whole x >= 1 by Newton's iteration in Q3.28:
// x = 2 d 4^k, y_0 = 1, y <- 3/2 y - d/2 y^3, 1 / sqrt(x) = y / sqrt(2) / 2^k.
inline Multiplier inverse_sqrt(int64_t x) {
  if (x <= 1) return {(int64_t{1} << 31) - 1, 0};
  int bits = 0;
  std::frexp(static_cast<double>(x), &bits);
  const int large = bits > 28 ? (bits - 28) / 2 : 0, pairs = bits < 29 ? (29 - bits) / 2 : 0;
  const int shift = 11 + large - pairs;
  const int64_t d = ((x >> (2 * large)) << (2 * pairs)) >> 1;
  const int64_t one = 1 << 28, half = rounding_divide(d, 1);
  int64_t y = one;
  for (int step = 0; step < 5; ++step) {
    const int64_t cube = saturate(high_multiply(high_multiply(y, y, 32), y, 32) * 64, 32);
    y = saturate((high_multiply(y, one + (one >> 1), 32) - high_multiply(half, cube, 32)) * 8, 32);
  }
  y = high_multiply(y, 1518500250, 32);  // sqrt(2) / 2 in Q0.31
  return {y << std::max(-shift, 0), -std::max(shift, 0)};
}

struct Moments {
  int64_t mean;  // x 2^10
  Multiplier inverse;
};

// mean = trunc(1024 sum / n);  variance = trunc((squares trunc(2^20 / n) - mean^2) / 2^20), at least
// 1 or else the guard;  inverse = 1 / sqrt(variance).
inline Moments moments(int64_t sum, int64_t squares, int n, int64_t guard) {
  const int64_t mean = 1024 * sum / n;
  const int64_t variance = (squares * ((1 << 20) / n) - mean * mean) / (1 << 20);
  return {mean, inverse_sqrt(variance < 1 ? guard : variance)};
}

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_KERNELS_FIXED_NORM_H_
