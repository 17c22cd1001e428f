// The readable kernels: plain loops on wide integers, the formulas of edge_rnnt/device one to one.
#include <algorithm>
#include <cmath>

#include "kernels/fixed_functions.h"
#include "kernels/fixed_norm.h"
#include "kernels/kernels.h"

namespace edge_rnnt {
namespace {

// Calls one(d, e, weight) for every stored weight.
template <class T, class One>
void each_weight(const Matrix<T>& w, const One& one) {
  if (w.dense()) {
    for (int d = 0; d < w.inputs; ++d) {
      for (int e = 0; e < w.outputs; ++e) one(d, e, w.at(d, e));
    }
    return;
  }
  for (int column = 0; column < w.columns(); ++column) {
    for (uint32_t k = w.edges[w.parts() * column]; k < w.edges[w.parts() * (column + 1)]; ++k) {
      const T* block = w.values + int64_t{k} * w.block_in * w.block_out;
      for (int i = 0; i < w.block_in; ++i) {
        for (int o = 0; o < w.block_out; ++o) {
          const int d = w.place(k) * w.block_in + i, e = column * w.block_out + o;
          one(d, e, block[i * w.block_out + o]);
        }
      }
    }
  }
}

void int8_product(const Matrix<int8_t>& w, const int8_t* x, int32_t* sums) {
  const int stride = w.stride();
  std::fill(sums, sums + w.parts() * stride, 0);
  each_weight(w, [&](int d, int e, int8_t weight) {
    // Rows behind the last are padding, and of no part.
    sums[(d >= w.split && d < w.inputs ? stride : 0) + e] += int32_t{x[d]} * weight;
  });
}

void float_product(const Matrix<float>& w, const float* x, float* y) {
  std::fill(y, y + w.stride(), 0.0f);
  each_weight(w, [&](int d, int e, float weight) { y[e] += x[d] * weight; });
}

void rescale16(const int32_t* sums, const int32_t* bias, Multiplier factor, bool add, int n,
               int16_t* y) {
  for (int k = 0; k < n; ++k) {
    const int64_t value = multiply(int64_t{sums[k]} + bias[k], factor);
    y[k] = static_cast<int16_t>(saturate(add ? y[k] + value : value, 16));
  }
}

void rescale8(const int32_t* sums, const int32_t* bias, Multiplier factor, int zero, int n,
              int8_t* y) {
  for (int k = 0; k < n; ++k) {
    const int64_t value = multiply(int64_t{sums[k]} + bias[k], factor);
    y[k] = static_cast<int8_t>(saturate(value + zero, 8));
  }
}

void integer_norm(const IntegerNorm& norm, int n, int16_t* a) {
  int64_t sum = 0, squares = 0;
  for (int k = 0; k < n; ++k) sum += a[k], squares += int64_t{a[k]} * a[k];
  const Moments m = moments(sum, squares, n, norm.guard);
  for (int k = 0; k < n; ++k) {
    const int64_t r = multiply(1024 * int64_t{a[k]} - m.mean, m.inverse);
    const int64_t v = rounding_divide(r * norm.gain[k] + norm.bias[k], 10);
    a[k] = static_cast<int16_t>(saturate(multiply(v, norm.rescale), 16));
  }
}

void sigmoid(const int16_t* a, int n, int16_t* y) {
  const int16_t* table = sigmoid_table();
  for (int k = 0; k < n; ++k) y[k] = table[a[k] + 32768];
}

void tanh_of(const int16_t* a, int integer_bits, int n, int16_t* y) {
  const int16_t* table = tanh_table(integer_bits);
  for (int k = 0; k < n; ++k) y[k] = table[a[k] + 32768];
}

void update_cell(const int16_t* i, const int16_t* f, const int16_t* g, int exponent, int clip, int n,
                 int16_t* c) {
  for (int k = 0; k < n; ++k) {
    const int64_t fresh = rounding_divide(int64_t{i[k]} * g[k], exponent);
    const int64_t sum = saturate(rounding_divide(int64_t{f[k]} * c[k], 15) + fresh, 16);
    c[k] = static_cast<int16_t>(std::min<int64_t>(std::max<int64_t>(sum, -clip), clip));
  }
}

void take_hidden(const int16_t* o, const int16_t* t, Multiplier factor, int zero, int n, int8_t* y) {
  for (int k = 0; k < n; ++k) {
    y[k] = static_cast<int8_t>(saturate(multiply(int64_t{o[k]} * t[k], factor) + zero, 8));
  }
}

void mix_cell(const int16_t* f, const int16_t* u, int n, int16_t* c) {
  for (int k = 0; k < n; ++k) {
    const int64_t sum = int64_t{f[k]} * c[k] + int64_t{32767 - f[k]} * u[k];
    c[k] = static_cast<int16_t>(saturate(rounding_divide(sum, 15), 16));
  }
}

void take_highway(const int16_t* r, const int16_t* t, const int16_t* s, Multiplier taken,
                  Multiplier highway, int zero, int n, int8_t* y) {
  for (int k = 0; k < n; ++k) {
    const int64_t sum = multiply(int64_t{r[k]} * t[k], taken) +
                        multiply(int64_t{32767 - r[k]} * s[k], highway);
    y[k] = static_cast<int8_t>(saturate(sum + zero, 8));
  }
}

float quantize_row(const float* x, int n, int8_t* q) {
  float limit = 0;
  for (int k = 0; k < n; ++k) limit = std::max(limit, std::abs(x[k]));
  const float scale = limit > 0 ? limit * (1.0f / 127) : 1.0f, inverse = 1 / scale;
  for (int k = 0; k < n; ++k) {
    // In this order what is not a number becomes -127 rather than anything.
    q[k] = static_cast<int8_t>(std::min(std::max(-127.0f, std::nearbyint(x[k] * inverse)), 127.0f));
  }
  return scale;
}

void hybrid_rescale(const int32_t* sums, float scale, const float* scales, bool add, int n,
                    float* y) {
  for (int k = 0; k < n; ++k) {
    const float value = static_cast<float>(sums[k]) * (scale * scales[k]);
    y[k] = add ? y[k] + value : value;
  }
}

void float_norm(const float* gain, const float* bias, int n, float* z) {
  float sum = 0, squares = 0;
  for (int k = 0; k < n; ++k) sum += z[k];
  const float mean = sum / n;
  for (int k = 0; k < n; ++k) squares += (z[k] - mean) * (z[k] - mean);
  const float deviation = std::sqrt(squares / n + 1e-8f);
  for (int k = 0; k < n; ++k) z[k] = (z[k] - mean) / deviation * gain[k] + bias[k];
}

void float_tanh(int n, float* x) {
  for (int k = 0; k < n; ++k) x[k] = std::tanh(x[k]);
}

// 1 / (1 + e^-x), through tanh: it cannot overflow.
void float_sigmoid(int n, float* x) {
  for (int k = 0; k < n; ++k) x[k] = 0.5f * std::tanh(0.5f * x[k]) + 0.5f;
}

}  // namespace

const Kernels& scalar_kernels() {
  static const Kernels table{
      "scalar",     int8_product, float_product, rescale16, rescale8,
      integer_norm, sigmoid,                  tanh_of,               update_cell, take_hidden,
      mix_cell,     take_highway,             quantize_row,          hybrid_rescale,
      float_norm,   float_sigmoid,            float_tanh};
  return table;
}

}  // namespace edge_rnnt
