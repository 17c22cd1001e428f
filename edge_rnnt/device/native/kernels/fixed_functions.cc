#include "kernels/fixed_functions.h"

#include <array>
#include <cstdlib>
#include <mutex>
#include <vector>

#include "kernels/fixed_point.h"

namespace edge_rnnt {
namespace {

constexpr int kOne = 32767;

int64_t q0(double value) { return static_cast<int64_t>(std::nearbyint(value * 32768.0)); }

// e^a for -1/4 <= a < 0 in Q0.15: e^(-1/8) (1 + x + x^2/2 + x^3/6 + x^4/24), x = a + 1/8.
int64_t exp_of_last_quarter(int64_t a) {
  const int64_t x = a + (1 << 12);
  const int64_t x2 = high_multiply(x, x, 16);
  const int64_t x3 = high_multiply(x2, x, 16), x4 = high_multiply(x2, x2, 16);
  const int64_t third = high_multiply(rounding_divide(x4, 2) + x3, q0(1.0 / 3), 16);
  const int64_t series = x + rounding_divide(third + x2, 1);
  const int64_t base = q0(std::exp(-1.0 / 8));
  return saturate(base + high_multiply(base, series, 16), 16);
}

// e^a in Q0.15 for a <= 0 in Q(m).(15-m): a = -k/4 - r, a factor e^-(2^j) for every bit of k/4.
int64_t exp_fixed(int64_t a, int integer_bits) {
  if (a == 0) return kOne;
  const int fraction_bits = 15 - integer_bits;
  if (integer_bits > 5 && a < -(int64_t{32} << fraction_bits)) return 0;
  const int64_t quarter = int64_t{1} << (fraction_bits - 2);
  const int64_t within = (a & (quarter - 1)) - quarter;
  int64_t result = exp_of_last_quarter(saturate(within * (int64_t{1} << integer_bits), 16));
  const int64_t rest = within - a;
  for (int exponent = -2; exponent < std::min(integer_bits, 5); ++exponent) {
    if (rest & (int64_t{1} << (fraction_bits + exponent))) {
      result = high_multiply(result, q0(std::exp(-std::exp2(exponent))), 16);
    }
  }
  return result;
}

// 2 / (1 + x) in Q2.13: y_0 = 48/17 - 32/17 d, y <- y + y (1 - d y), d = (1 + x) / 2.
int64_t newton_reciprocal(int64_t x) {
  constexpr int64_t one = 1 << 13;
  const int64_t d = (x + kOne + 1) >> 1;
  int64_t y = static_cast<int64_t>(std::nearbyint(48.0 / 17 * one)) +
              high_multiply(d, static_cast<int64_t>(std::nearbyint(-32.0 / 17 * one)), 16);
  for (int step = 0; step < 3; ++step) {
    const int64_t error = one - high_multiply(d, y, 16);
    y += saturate(high_multiply(y, error, 16) * 4, 16);
  }
  return y;
}

std::vector<int16_t> make_sigmoid() {
  std::vector<int16_t> table(65536);
  for (int a = -32768; a < 32768; ++a) {
    const int64_t above = saturate(newton_reciprocal(exp_fixed(-std::abs(a), 3)) * 2, 16);
    table[a + 32768] = static_cast<int16_t>(a > 0 ? above : a == 0 ? 1 << 14 : kOne - above);
  }
  return table;
}

std::vector<int16_t> make_tanh(int integer_bits) {
  std::vector<int16_t> table(65536);
  for (int a = -32768; a < 32768; ++a) {
    // The same 16 bits with one integer bit more are twice the number.
    const int64_t x = exp_fixed(-std::abs(a), integer_bits + 1);
    const int64_t size = saturate((newton_reciprocal(x) - (1 << 13)) * 4, 16);
    table[a + 32768] = static_cast<int16_t>(a > 0 ? size : a == 0 ? 0 : -size);
  }
  return table;
}

}  // namespace

const int16_t* sigmoid_table() {
  static const std::vector<int16_t> table = make_sigmoid();
  return table.data();
}

const int16_t* tanh_table(int integer_bits) {
  static std::array<std::once_flag, 7> made;
  static std::array<std::vector<int16_t>, 7> tables;
  if (integer_bits < 0 || integer_bits > 6) {
    throw std::runtime_error("tanh takes 0 to 6 integer bits");
  }
  std::call_once(made[integer_bits], [&] { tables[integer_bits] = make_tanh(integer_bits); });
  return tables[integer_bits].data();
}

}  // namespace edge_rnnt
