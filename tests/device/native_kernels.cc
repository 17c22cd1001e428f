// The native kernels behind plain C functions, so that a test can call them through ctypes.
#include <string>

#include "kernels/fixed_functions.h"
#include "kernels/kernels.h"

using edge_rnnt::IntegerNorm;
using edge_rnnt::Kernels;
using edge_rnnt::Matrix;
using edge_rnnt::Multiplier;

namespace {

const Kernels* kernels = &edge_rnnt::scalar_kernels();

template <class T>
Matrix<T> matrix(const T* values, int inputs, int split, int outputs, int block_in, int block_out,
                 const uint8_t* index8, const uint16_t* index16, const int32_t* count) {
  Matrix<T> w;
  w.inputs = inputs, w.split = split, w.outputs = outputs;
  w.values = values;
  w.block_in = block_in, w.block_out = block_out;
  w.index8 = index8, w.index16 = index16;
  if (!w.dense()) set_edges(count, &w);
  return w;
}

}  // namespace

extern "C" {

bool choose(const char* name) {
  const Kernels* found = edge_rnnt::find_kernels(name);
  if (found) kernels = found;
  return found;
}

const char* fastest() { return edge_rnnt::find_kernels("")->name; }

const int16_t* sigmoid_entries() { return edge_rnnt::sigmoid_table(); }
const int16_t* tanh_entries(int integer_bits) { return edge_rnnt::tanh_table(integer_bits); }

void int8_product(const int8_t* values, int inputs, int split, int outputs, int block_in,
                  int block_out, const uint8_t* index8, const uint16_t* index16,
                  const int32_t* count, const int8_t* x, int32_t* sums) {
  kernels->int8_product(matrix(values, inputs, split, outputs, block_in, block_out, index8, index16,
                               count),
                        x, sums);
}

void float_product(const float* values, int inputs, int split, int outputs, int block_in,
                   int block_out, const uint8_t* index8, const uint16_t* index16,
                   const int32_t* count, const float* x, float* y) {
  kernels->float_product(matrix(values, inputs, split, outputs, block_in, block_out, index8, index16,
                                count),
                         x, y);
}

void rescale16(const int32_t* sums, const int32_t* bias, int32_t mantissa, int shift, bool add,
               int n, int16_t* y) {
  kernels->rescale16(sums, bias, Multiplier{mantissa, shift}, add, n, y);
}

void rescale8(const int32_t* sums, const int32_t* bias, int32_t mantissa, int shift, int zero, int n,
              int8_t* y) {
  kernels->rescale8(sums, bias, Multiplier{mantissa, shift}, zero, n, y);
}

void integer_norm(const int16_t* gain, const int32_t* bias, int64_t guard, int32_t mantissa,
                  int shift, int n, int16_t* a) {
  IntegerNorm norm;
  norm.gain = gain;
  norm.bias = bias;
  norm.guard = guard;
  norm.rescale = {mantissa, shift};
  kernels->integer_norm(norm, n, a);
}

void sigmoid(const int16_t* a, int n, int16_t* y) { kernels->sigmoid(a, n, y); }
void tanh_of(const int16_t* a, int bits, int n, int16_t* y) { kernels->tanh(a, bits, n, y); }

void update_cell(const int16_t* i, const int16_t* f, const int16_t* g, int exponent, int clip, int n,
                 int16_t* c) {
  kernels->update_cell(i, f, g, exponent, clip, n, c);
}

void take_hidden(const int16_t* o, const int16_t* t, int32_t mantissa, int shift, int zero, int n,
                 int8_t* y) {
  kernels->take_hidden(o, t, Multiplier{mantissa, shift}, zero, n, y);
}

void mix_cell(const int16_t* f, const int16_t* u, int n, int16_t* c) { kernels->mix_cell(f, u, n, c); }

void take_highway(const int16_t* r, const int16_t* t, const int16_t* s, int32_t mantissa, int shift,
                  int32_t mantissa2, int shift2, int zero, int n, int8_t* y) {
  kernels->take_highway(r, t, s, Multiplier{mantissa, shift}, Multiplier{mantissa2, shift2}, zero, n,
                        y);
}

void quantize_row(const float* x, int n, int8_t* q, float* scale) {
  *scale = kernels->quantize_row(x, n, q);
}

void hybrid_rescale(const int32_t* sums, const float* scale, const float* scales, bool add, int n,
                    float* y) {
  kernels->hybrid_rescale(sums, *scale, scales, add, n, y);
}

void float_norm(const float* gain, const float* bias, int n, float* z) {
  kernels->float_norm(gain, bias, n, z);
}

void float_sigmoid(int n, float* x) { kernels->float_sigmoid(n, x); }
void float_tanh(int n, float* x) { kernels->float_tanh(n, x); }
}
