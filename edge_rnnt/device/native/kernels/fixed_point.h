// Arithmetic on integers that stand for real numbers: edge_rnnt/device/fixed_point.py, bit for bit.
#ifndef EDGE_RNNT_KERNELS_FIXED_POINT_H_
#define EDGE_RNNT_KERNELS_FIXED_POINT_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>

namespace edge_rnnt {

// A real factor as mantissa * 2^(shift - 31).
struct Multiplier {
  int64_t mantissa = 0;
  int32_t shift = 0;
};

// The 31-bit approximation of 0 <= real < 2^31; throws std::runtime_error for any other.
inline Multiplier multiplier(double real) {
  if (!(real >= 0 && real < 2147483648.0)) {
    throw std::runtime_error("a fixed-point multiplier stands for a factor in 0 .. 2^31");
  }
  int shift = 0;
  const double fraction = std::frexp(real, &shift);
  int64_t mantissa = static_cast<int64_t>(std::floor(fraction * 2147483648.0 + 0.5));
  if (mantissa == int64_t{1} << 31) mantissa >>= 1, ++shift;
  if (shift < -31) return {};
  return {mantissa, shift};
}

inline int64_t saturate(int64_t x, int bits) {
  const int64_t top = (int64_t{1} << (bits - 1)) - 1;
  return std::min(std::max(x, -top - 1), top);
}

// x / 2^exponent, ties away from zero.
inline int64_t rounding_divide(int64_t x, int exponent) {
  const int64_t half = (int64_t{1} << exponent) >> 1;
  return (x + half - (x < 0 && half > 0)) >> exponent;
}

// a * b / 2^(bits-1), ties up; the most negative number squared saturates.
inline int64_t high_multiply(int64_t a, int64_t b, int bits) {
  return std::min((a * b + (int64_t{1} << (bits - 2))) >> (bits - 1),
                  (int64_t{1} << (bits - 1)) - 1);
}

// x * factor on 32-bit x, rounded twice. |x| < 2^32.
inline int64_t multiply(int64_t x, Multiplier factor) {
  const int left = std::max(factor.shift, 0);
  // Saturating before the shift as well changes nothing and keeps the product within 64 bits.
  if (left) x = saturate(saturate(x, 32) * (int64_t{1} << left), 32);
  return rounding_divide(high_multiply(x, factor.mantissa, 32), left - factor.shift);
}

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_KERNELS_FIXED_POINT_H_
