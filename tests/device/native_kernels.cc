// The native kernels behind plain C functions, so that a test can call them through ctypes.
#include "kernels/fixed_functions.h"
#include "kernels/kernels.h"

using edge_rnnt::IntegerNorm;
using edge_rnnt::Matrix;
using edge_rnnt::Multiplier;
using edge_rnnt::scalar_kernels;

extern "C" {

const int16_t* sigmoid() { return edge_rnnt::sigmoid_table(); }
const int16_t* tanh_of(int integer_bits) { return edge_rnnt::tanh_table(integer_bits); }

void product(const int8_t* w, int in, int out, bool sparse, int block_in, int block_out,
             const int8_t* x, int32_t* sums) {
  Matrix<int8_t> matrix;
  matrix.pack(w, in, out, sparse, block_in, block_out);
  scalar_kernels().int8_product(matrix, x, sums);
}

void rescale16(const int32_t* sums, const int32_t* bias, int32_t mantissa, int shift, int n,
               bool add, int16_t* y) {
  Multiplier factor;
  factor.mantissa = mantissa;
  factor.shift = shift;
  scalar_kernels().rescale16(sums, bias, &factor, n, n, add, y);
}

void integer_norm(const int16_t* gain, const int32_t* bias, int64_t guard, int32_t mantissa,
                  int shift, int n, int16_t* a) {
  IntegerNorm norm;
  norm.gain = gain;
  norm.bias = bias;
  norm.guard = guard;
  norm.rescale.mantissa = mantissa;
  norm.rescale.shift = shift;
  scalar_kernels().integer_norm(norm, n, a);
}
}
