// The readable kernels: plain loops, which the compiler may vectorize.
#include <algorithm>
#include <cstring>

#include "kernels/kernels.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(EDGE_RNNT_PLAIN)
// The same loop compiled twice, the better one chosen when the library is loaded.
#define EDGE_RNNT_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define EDGE_RNNT_CLONES
#endif

namespace edge_rnnt {

template <class T>
void Matrix<T>::pack(const T* source, int in, int out, bool sparse, int block_in, int block_out) {
  inputs = in, outputs = out;
  const size_t width = out;
  const bool along_inputs = sparse && block_out == 1 && (block_in == 8 || block_in == 16);
  const bool along_outputs = sparse && block_in == 1 && block_out == 8;
  values.clear(), begins.clear(), places.clear();
  if (along_inputs && in % block_in == 0) {
    kind = kInputs, size = block_in;
    for (int e = 0; e < out; ++e) {
      begins.push_back(static_cast<uint32_t>(places.size()));
      for (int d = 0; d < in; d += size) {
        T block[16];
        bool kept = false;
        for (int k = 0; k < size; ++k) kept |= (block[k] = source[(d + k) * width + e]) != 0;
        if (!kept) continue;
        places.push_back(d);
        values.insert(values.end(), block, block + size);
      }
    }
    begins.push_back(static_cast<uint32_t>(places.size()));
  } else if (along_outputs && out % 8 == 0) {
    kind = kOutputs, size = 8;
    for (int e = 0; e < out; e += 8) {
      begins.push_back(static_cast<uint32_t>(places.size()));
      for (int d = 0; d < in; ++d) {
        const T* block = source + d * width + e;
        if (std::all_of(block, block + 8, [](T value) { return value == 0; })) continue;
        places.push_back(d);
        values.insert(values.end(), block, block + 8);
      }
    }
    begins.push_back(static_cast<uint32_t>(places.size()));
  } else if (sizeof(T) == 1) {
    kind = kDense;
    values.resize(size_t(in) * out);
    for (int d = 0; d < in; ++d)
      for (int e = 0; e < out; ++e) values[size_t(e) * in + d] = source[d * width + e];
  } else {
    kind = kDense;
    values.assign(source, source + size_t(in) * out);
  }
}

template struct Matrix<int8_t>;
template struct Matrix<float>;

namespace {

EDGE_RNNT_CLONES int32_t dot(const int8_t* w, const int8_t* x, int n) {
  int32_t sum = 0;
  for (int d = 0; d < n; ++d) sum += int16_t(w[d]) * int16_t(x[d]);
  return sum;
}

template <class T, class Sum>
void sparse_product(const Matrix<T>& w, const T* x, Sum* sums) {
  const T* block = w.values.data();
  const int columns = static_cast<int>(w.begins.size()) - 1;
  for (int column = 0; column < columns; ++column) {
    Sum total[16] = {};
    for (uint32_t k = w.begins[column]; k < w.begins[column + 1]; ++k, block += w.size) {
      const T* from = x + w.places[k];
      if (w.kind == Matrix<T>::kInputs) {
        for (int j = 0; j < w.size; ++j) total[j] += Sum(block[j]) * Sum(from[j]);
      } else {
        for (int j = 0; j < 8; ++j) total[j] += Sum(block[j]) * Sum(*from);
      }
    }
    if (w.kind == Matrix<T>::kOutputs) {
      std::copy(total, total + 8, sums + column * 8);
    } else {
      Sum sum = 0;
      for (int j = 0; j < w.size; ++j) sum += total[j];
      sums[column] = sum;
    }
  }
}

void int8_product(const Matrix<int8_t>& w, const int8_t* x, int32_t* sums) {
  if (w.kind != Matrix<int8_t>::kDense) return sparse_product(w, x, sums);
  for (int e = 0; e < w.outputs; ++e) {
    sums[e] = dot(w.values.data() + size_t(e) * w.inputs, x, w.inputs);
  }
}

EDGE_RNNT_CLONES void add_scaled(const float* w, float x, int n, float* y) {
  for (int e = 0; e < n; ++e) y[e] += x * w[e];
}

void float_product(const Matrix<float>& w, const float* x, float* y) {
  if (w.kind != Matrix<float>::kDense) return sparse_product(w, x, y);
  std::fill(y, y + w.outputs, 0.0f);
  for (int d = 0; d < w.inputs; ++d) {
    add_scaled(w.values.data() + size_t(d) * w.outputs, x[d], w.outputs, y);
  }
}

void rescale16(const int32_t* sums, const int32_t* bias, const Multiplier* factors, int per, int n,
               bool add, int16_t* y) {
  for (int k = 0; k < n; ++k) {
    const int64_t value = multiply(int64_t{sums[k]} + bias[k], factors[k / per]);
    y[k] = static_cast<int16_t>(saturate(add ? y[k] + value : value, 16));
  }
}

// 1 / sqrt(x) of whole x >= 1 by Newton's iteration in Q3.28:
// x = 2 d 4^k, y_0 = 1, y <- 3/2 y - d/2 y^3, 1 / sqrt(x) = y / sqrt(2) / 2^k.
Multiplier inverse_sqrt(int64_t x) {
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
  y = high_multiply(y, 1518500250, 32);
  return {y << std::max(-shift, 0), -std::max(shift, 0)};
}

void integer_norm(const IntegerNorm& norm, int n, int16_t* a) {
  int64_t sum = 0, squares = 0;
  for (int k = 0; k < n; ++k) sum += a[k], squares += int64_t{a[k]} * a[k];
  const int64_t mean = 1024 * sum / n;
  int64_t variance = (squares * ((1 << 20) / n) - mean * mean) / (1 << 20);
  if (variance < 1) variance = norm.guard;
  const Multiplier inverse = inverse_sqrt(variance);
  for (int k = 0; k < n; ++k) {
    const int64_t r = multiply(1024 * int64_t{a[k]} - mean, inverse);
    const int64_t v = rounding_divide(r * norm.gain[k] + (norm.bias ? norm.bias[k] : 0), 10);
    a[k] = static_cast<int16_t>(saturate(multiply(v, norm.rescale), 16));
  }
}

void look_up(const int16_t* table, const int16_t* a, int n, int16_t* y) {
  for (int k = 0; k < n; ++k) y[k] = table[a[k] + 32768];
}

}  // namespace

const Kernels& scalar_kernels() {
  static const Kernels table{"scalar",  int8_product, float_product,
                             rescale16, integer_norm, look_up};
  return table;
}

const Kernels& best_kernels() { return scalar_kernels(); }

}  // namespace edge_rnnt
