// Kernels for x86 with AVX2 and FMA.
//
// Bytes are multiplied as |x| (unsigned) times sign(x) w: pairs of products then fit 16 bits, four
// of them are summed into 32. A weight is never -128, so its sign can be turned.
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

__m256i load(const int8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }

// Adds, in each lane of 32 bits, the four products of its bytes: x (4 or 32 of them) and w.
__m256i add_products(__m256i sums, __m256i x, __m256i w) {
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(x), _mm256_sign_epi8(w, x));
  return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

int32_t sum_of_lanes(__m256i v) {
  __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xB1)));
}

float sum_of_lanes(__m256 v) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

// --- dense: rows of [in][out], eight at a time, each read once from its beginning to its end ---

constexpr int kRows = 8, kTile = 32;

// y[0 .. 31] += x[0 .. 7] W, rows[d] pointing to the weights of input d for these outputs.
void add_tile(const int8_t* const* rows, const __m256i* x, int at, int32_t* y) {
  __m256i sums[4];
  for (int k = 0; k < 4; ++k) sums[k] = _mm256_setzero_si256();
  for (int quad = 0; quad < kRows / 4; ++quad) {
    const int8_t* const* row = rows + 4 * quad;
    const __m256i a = load(row[0] + at), b = load(row[1] + at);
    const __m256i c = load(row[2] + at), d = load(row[3] + at);
    // Bytes of the four inputs side by side for every output; outputs come out in the order
    // 0-3 16-19, 4-7 20-23, 8-11 24-27, 12-15 28-31.
    const __m256i ab = _mm256_unpacklo_epi8(a, b), ab_high = _mm256_unpackhi_epi8(a, b);
    const __m256i cd = _mm256_unpacklo_epi8(c, d), cd_high = _mm256_unpackhi_epi8(c, d);
    sums[0] = add_products(sums[0], x[quad], _mm256_unpacklo_epi16(ab, cd));
    sums[1] = add_products(sums[1], x[quad], _mm256_unpackhi_epi16(ab, cd));
    sums[2] = add_products(sums[2], x[quad], _mm256_unpacklo_epi16(ab_high, cd_high));
    sums[3] = add_products(sums[3], x[quad], _mm256_unpackhi_epi16(ab_high, cd_high));
  }
  const __m256i ordered[4] = {_mm256_permute2x128_si256(sums[0], sums[1], 0x20),
                              _mm256_permute2x128_si256(sums[2], sums[3], 0x20),
                              _mm256_permute2x128_si256(sums[0], sums[1], 0x31),
                              _mm256_permute2x128_si256(sums[2], sums[3], 0x31)};
  __m256i* to = reinterpret_cast<__m256i*>(y + at);
  for (int k = 0; k < 4; ++k) {
    _mm256_storeu_si256(to + k, _mm256_add_epi32(_mm256_loadu_si256(to + k), ordered[k]));
  }
}

void dense_product(const Rows<int8_t>& w, const int8_t* x, int32_t* sums) {
  std::memset(sums, 0, sizeof(int32_t) * w.outputs);
  const int whole = w.outputs - w.outputs % kTile, rest = w.outputs - whole;
  for (int first = 0; first < w.count; first += kRows) {
    const int8_t* rows[kRows];
    int8_t inputs[kRows] = {}, corner[kRows][kTile] = {};
    const int8_t* corners[kRows];
    for (int k = 0; k < kRows; ++k) {
      const int d = w.first + std::min(first + k, w.count - 1);  // rows too many meet a zero
      rows[k] = w.values + int64_t{d} * w.outputs;
      if (first + k < w.count) inputs[k] = x[d];
      std::memcpy(corner[k], rows[k] + whole, rest);
      corners[k] = corner[k];
    }
    int32_t quads[kRows / 4];
    std::memcpy(quads, inputs, sizeof quads);
    const __m256i spread[] = {_mm256_set1_epi32(quads[0]), _mm256_set1_epi32(quads[1])};
    for (int at = 0; at < whole; at += kTile) add_tile(rows, spread, at, sums);
    if (rest) {
      int32_t last[kTile] = {};
      add_tile(corners, spread, 0, last);
      for (int k = 0; k < rest; ++k) sums[whole + k] += last[k];
    }
  }
}

void dense_product(const Rows<float>& w, const float* x, float* y) {
  std::memset(y, 0, sizeof(float) * w.outputs);
  int d = w.first;
  const int end = w.first + w.count, whole = w.outputs - w.outputs % 8;
  for (; d + 4 <= end; d += 4) {
    const float* row = w.values + int64_t{d} * w.outputs;
    const float *row1 = row + w.outputs, *row2 = row1 + w.outputs, *row3 = row2 + w.outputs;
    const __m256 x0 = _mm256_set1_ps(x[d]), x1 = _mm256_set1_ps(x[d + 1]);
    const __m256 x2 = _mm256_set1_ps(x[d + 2]), x3 = _mm256_set1_ps(x[d + 3]);
    for (int e = 0; e < whole; e += 8) {
      __m256 sum = _mm256_fmadd_ps(x0, _mm256_loadu_ps(row + e), _mm256_loadu_ps(y + e));
      sum = _mm256_fmadd_ps(x1, _mm256_loadu_ps(row1 + e), sum);
      sum = _mm256_fmadd_ps(x2, _mm256_loadu_ps(row2 + e), sum);
      _mm256_storeu_ps(y + e, _mm256_fmadd_ps(x3, _mm256_loadu_ps(row3 + e), sum));
    }
    for (int e = whole; e < w.outputs; ++e) {
      y[e] += x[d] * row[e] + x[d + 1] * row1[e] + x[d + 2] * row2[e] + x[d + 3] * row3[e];
    }
  }
  for (; d < end; ++d) {
    const float* row = w.values + int64_t{d} * w.outputs;
    for (int e = 0; e < w.outputs; ++e) y[e] += x[d] * row[e];
  }
}

// --- in blocks ---

int64_t load_quarter(const int8_t* p) {
  int64_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

// Where in a row of blocks a block stands; Index is uint8_t or uint16_t.
template <class Index>
const Index* places(const Rows<int8_t>& w);
template <>
const uint8_t* places<uint8_t>(const Rows<int8_t>& w) { return w.index8; }
template <>
const uint16_t* places<uint16_t>(const Rows<int8_t>& w) { return w.index16; }

// Blocks of 8 inputs of one output: four at a time against the inputs where they stand.
template <class Index>
void input_blocks_of_8(const Rows<int8_t>& w, const int8_t* x, int32_t* sums) {
  const Index* place = places<Index>(w);
  const int columns = static_cast<int>(w.begins.size());
  for (int column = 0; column < columns; ++column) {
    uint32_t k = w.begins[column];
    const uint32_t end = w.ends[column];
    __m256i sum = _mm256_setzero_si256();
    for (; k + 4 <= end; k += 4) {
      const __m256i from = _mm256_set_epi64x(
          load_quarter(x + 8 * place[k + 3]), load_quarter(x + 8 * place[k + 2]),
          load_quarter(x + 8 * place[k + 1]), load_quarter(x + 8 * place[k]));
      sum = add_products(sum, from, load(w.values + int64_t{8} * k));
    }
    if (k < end) {
      int64_t from[4] = {}, block[4] = {};
      for (uint32_t j = 0; k + j < end; ++j) {
        from[j] = load_quarter(x + 8 * place[k + j]);
        block[j] = load_quarter(w.values + int64_t{8} * (k + j));
      }
      sum = add_products(sum, _mm256_set_epi64x(from[3], from[2], from[1], from[0]),
                         _mm256_set_epi64x(block[3], block[2], block[1], block[0]));
    }
    sums[column] = sum_of_lanes(sum);
  }
}

// Blocks of 16 inputs of one output: two at a time.
void input_blocks_of_16(const Rows<int8_t>& w, const int8_t* x, int32_t* sums) {
  const int columns = static_cast<int>(w.begins.size());
  const auto half = [](const int8_t* p) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  };
  for (int column = 0; column < columns; ++column) {
    uint32_t k = w.begins[column];
    const uint32_t end = w.ends[column];
    __m256i sum = _mm256_setzero_si256();
    for (; k + 2 <= end; k += 2) {
      const __m256i from =
          _mm256_set_m128i(half(x + 16 * w.place(k + 1)), half(x + 16 * w.place(k)));
      sum = add_products(sum, from, load(w.values + int64_t{16} * k));
    }
    if (k < end) {
      sum = add_products(sum, _mm256_zextsi128_si256(half(x + 16 * w.place(k))),
                         _mm256_zextsi128_si256(half(w.values + int64_t{16} * k)));
    }
    sums[column] = sum_of_lanes(sum);
  }
}

// Blocks of 8 outputs of one input: four at a time, their bytes turned so that the four inputs of an
// output stand side by side.
void output_blocks_of_8(const Rows<int8_t>& w, const int8_t* x, int32_t* sums) {
  const __m256i halves = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
  const __m256i turn = _mm256_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15,  //
                                        0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const int columns = static_cast<int>(w.begins.size());
  const auto byte = [&](uint32_t k) { return static_cast<uint32_t>(uint8_t(x[w.place(k)])); };
  for (int column = 0; column < columns; ++column) {
    uint32_t k = w.begins[column];
    const uint32_t end = w.ends[column];
    __m256i sum = _mm256_setzero_si256();
    const auto add = [&](uint32_t inputs, __m256i blocks) {
      const __m256i turned =
          _mm256_shuffle_epi8(_mm256_permutevar8x32_epi32(blocks, halves), turn);
      sum = add_products(sum, _mm256_set1_epi32(static_cast<int>(inputs)), turned);
    };
    for (; k + 4 <= end; k += 4) {
      add(byte(k) | byte(k + 1) << 8 | byte(k + 2) << 16 | byte(k + 3) << 24,
          load(w.values + int64_t{8} * k));
    }
    if (k < end) {
      uint32_t inputs = 0;
      int8_t blocks[32] = {};
      std::memcpy(blocks, w.values + int64_t{8} * k, 8 * (end - k));
      for (uint32_t j = 0; k + j < end; ++j) inputs |= byte(k + j) << 8 * j;
      add(inputs, load(blocks));
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + 8 * column), sum);
  }
}

void int8_product(const Rows<int8_t>& w, const int8_t* x, int32_t* sums) {
  if (w.dense()) return dense_product(w, x, sums);
  if (w.block_out == 1 && w.block_in == 8) {
    return w.index8 ? input_blocks_of_8<uint8_t>(w, x, sums)
                    : input_blocks_of_8<uint16_t>(w, x, sums);
  }
  if (w.block_out == 1 && w.block_in == 16) return input_blocks_of_16(w, x, sums);
  if (w.block_out == 8 && w.block_in == 1) return output_blocks_of_8(w, x, sums);
  scalar_kernels().int8_product(w, x, sums);
}

// Blocks of 8 or 16 inputs of one output.
void input_blocks(const Rows<float>& w, const float* x, float* y) {
  const int columns = static_cast<int>(w.begins.size());
  for (int column = 0; column < columns; ++column) {
    __m256 sum = _mm256_setzero_ps();
    for (uint32_t k = w.begins[column]; k < w.ends[column]; ++k) {
      const float *from = x + w.block_in * w.place(k), *block = w.values + int64_t{k} * w.block_in;
      for (int j = 0; j < w.block_in; j += 8) {
        sum = _mm256_fmadd_ps(_mm256_loadu_ps(from + j), _mm256_loadu_ps(block + j), sum);
      }
    }
    y[column] = sum_of_lanes(sum);
  }
}

void output_blocks(const Rows<float>& w, const float* x, float* y) {
  const int columns = static_cast<int>(w.begins.size());
  for (int column = 0; column < columns; ++column) {
    __m256 sum = _mm256_setzero_ps();
    for (uint32_t k = w.begins[column]; k < w.ends[column]; ++k) {
      const __m256 block = _mm256_loadu_ps(w.values + int64_t{8} * k);
      sum = _mm256_fmadd_ps(_mm256_set1_ps(x[w.place(k)]), block, sum);
    }
    _mm256_storeu_ps(y + 8 * column, sum);
  }
}

void float_product(const Rows<float>& w, const float* x, float* y) {
  if (w.dense()) return dense_product(w, x, y);
  if (w.block_out == 1 && w.block_in % 8 == 0) return input_blocks(w, x, y);
  if (w.block_out == 8 && w.block_in == 1) return output_blocks(w, x, y);
  scalar_kernels().float_product(w, x, y);
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
