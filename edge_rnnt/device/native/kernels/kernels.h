// What the engine asks of an instruction set: one table of functions each. None of them allocates.
//
// All tables give the same integers, bit for bit those of the NumPy reference (edge_rnnt/device);
// floating-point sums differ in their last bits. What they rely on is checked when a file is opened:
// at most 32,768 inputs, no weight of -128, biases within 2^30; so every sum fits 32 bits, and so
// does every pair of products 16.
#ifndef EDGE_RNNT_KERNELS_KERNELS_H_
#define EDGE_RNNT_KERNELS_KERNELS_H_

#include <cstdint>

#include "kernels/fixed_point.h"
#include "kernels/matrix.h"

namespace edge_rnnt {

// Layer norm on integers, one gate of n values (edge_rnnt/device/integer_norm.py).
struct IntegerNorm {
  const int16_t* gain = nullptr;
  const int32_t* bias = nullptr;
  int64_t guard = 1;
  Multiplier rescale;
};

struct Kernels {
  const char* name;

  // sums[p stride + e] = sum_d x[d] W[d][e] over the rows d of part p. x [padded_inputs] holds zeros
  // behind the last input; sums [parts, stride].
  void (*int8_product)(const Matrix<int8_t>& w, const int8_t* x, int32_t* sums);
  // y[e] = sum_d x[d] W[d][e] over all rows; y [stride].
  void (*float_product)(const Matrix<float>& w, const float* x, float* y);

  // v = multiply(sums + bias, factor);   y = saturate16(v), or saturate16(y + v) if `add`.
  void (*rescale16)(const int32_t* sums, const int32_t* bias, Multiplier factor, bool add, int n,
                    int16_t* y);
  // y = saturate8(multiply(sums + bias, factor) + zero).
  void (*rescale8)(const int32_t* sums, const int32_t* bias, Multiplier factor, int zero, int n,
                   int8_t* y);

  // In place: pre-activations a[n] -> fixed point of the norm's result.
  void (*integer_norm)(const IntegerNorm& norm, int n, int16_t* a);
  // Q3.12 -> Q0.15.
  void (*sigmoid)(const int16_t* a, int n, int16_t* y);
  // Q(m).(15-m) -> Q0.15, m = integer_bits, 0 <= m <= 6.
  void (*tanh)(const int16_t* a, int integer_bits, int n, int16_t* y);

  // c = clip(f c / 2^15 + i g / 2^exponent), each quotient rounded; LSTM and CIFG.
  void (*update_cell)(const int16_t* i, const int16_t* f, const int16_t* g, int exponent, int clip,
                      int n, int16_t* c);
  // y = saturate8(multiply(o t, factor) + zero), o and t in Q0.15.
  void (*take_hidden)(const int16_t* o, const int16_t* t, Multiplier factor, int zero, int n,
                      int8_t* y);

  // c = saturate16((f c + (32767 - f) u) / 2^15), rounded once; SRU.
  void (*mix_cell)(const int16_t* f, const int16_t* u, int n, int16_t* c);
  // y = saturate8(multiply(r t, taken) + multiply((32767 - r) s, highway) + zero); SRU.
  void (*take_highway)(const int16_t* r, const int16_t* t, const int16_t* s, Multiplier taken,
                       Multiplier highway, int zero, int n, int8_t* y);

  // Hybrid: scale = max |x| / 127, 1 if all are zero;   q = round(x * (1 / scale)), ties to even.
  // Returns the scale.
  float (*quantize_row)(const float* x, int n, int8_t* q);
  // Hybrid: v = sums * (scale * scales);   y = v, or y + v if `add`.
  void (*hybrid_rescale)(const int32_t* sums, float scale, const float* scales, bool add, int n,
                         float* y);

  // In place, in float32: z = (z - mean) / sqrt(variance + 1e-8) * gain + bias, one gate of n values.
  void (*float_norm)(const float* gain, const float* bias, int n, float* z);
  void (*float_sigmoid)(int n, float* x);
  void (*float_tanh)(int n, float* x);
};

// The readable one, on any processor.
const Kernels& scalar_kernels();
// A table by its name, or nullptr if this processor or this build does not have it; "" is the fastest.
const Kernels* find_kernels(const char* name);

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_KERNELS_KERNELS_H_
