// M (x W + b): bytes times the rows of a matrix, plus a bias, times a factor.
#ifndef EDGE_RNNT_INTEGER_PRODUCT_H_
#define EDGE_RNNT_INTEGER_PRODUCT_H_

#include <cstdint>
#include <vector>

#include "kernels/kernels.h"
#include "operand.h"

namespace edge_rnnt {

// A format of 8 bits: real = (q - zero) * scale.
struct Format {
  float scale = 1;
  int zero = 0;
};

class IntegerProduct {
 public:
  // Multiplies with the rows first .. first + count of w. `zero` is the zero point of x: its share
  // goes into the bias, b - zero sum_d W_d. The outputs fall into as many equal groups as there are
  // factors. `bias` [outputs] may be empty.
  IntegerProduct(const Matrix<int8_t>& w, int first, int count, int zero,
                 const std::vector<int32_t>& bias, const std::vector<float>& factors,
                 const Kernels& kernels, Plan* plan);

  // saturate16(M (x W + b)), or with y added before it saturates.
  void into16(Memory memory, const int8_t* x, int16_t* y) const { rescale(memory, x, false, y); }
  void onto16(Memory memory, const int8_t* x, int16_t* y) const { rescale(memory, x, true, y); }
  // saturate8(M (x W + b) + zero); one factor.
  void into8(Memory memory, const int8_t* x, int zero, int8_t* y) const;
  // M (x W + b) in 32 bits, where it always fits; one factor.
  void into32(Memory memory, const int8_t* x, int32_t* y) const;

 private:
  void rescale(Memory memory, const int8_t* x, bool add, int16_t* y) const;
  const int32_t* sum(Memory memory, const int8_t* x) const;

  const Kernels& kernels_;
  Rows<int8_t> w_;
  Operand<int8_t> x_;
  std::vector<int32_t> bias_;
  std::vector<Multiplier> factors_;
  Array<int32_t> sums_;
};

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_INTEGER_PRODUCT_H_
