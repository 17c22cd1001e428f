// y = x W, W of bytes in blocks of N inputs x 1 output, N = 8 or 16.
// Include within a target region, inside an anonymous namespace, after bytes_avx2.h.
//
// A vector holds 4 or 2 blocks, one beside the other whatever column they are of: columns are too
// short for loops that begin and end with each. Running sums are kept instead, in every lane:
//
//   R_0 = 0;   R_(v+1) = R_v + products of vector v with the inputs where its blocks stand
//
// and a column's sum is the difference between its two ends, added up over the lanes. An end at
// block b lies within vector v = b / (32 / N): lanes before it are those of R_(v+1), the others R_v.
// Sums may wrap around in 32 bits; their differences are right.

constexpr int kBehind = 2048;   // bytes between what is multiplied and what is asked for
constexpr int kCached = 512;    // vectors whose running sums stay near
constexpr int kVectors = 1536;  // at most: 8 columns of 6,144 inputs

// Where in its column of blocks a block stands.
inline const uint8_t* places(const Matrix<int8_t>& w, uint8_t) { return w.index8; }
inline const uint16_t* places(const Matrix<int8_t>& w, uint16_t) { return w.index16; }

// The inputs that a vector's blocks meet.
template <int N, class Index>
__m256i inputs_at(const Index* place, const int8_t* x) {
  if constexpr (N == 16) {
    const auto half = [&](int k) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + 16 * place[k]));
    };
    return _mm256_set_m128i(half(1), half(0));
  } else {
    const auto half = [&](int k) {
      const __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(x + 8 * place[k]));
      const __m64* high = reinterpret_cast<const __m64*>(x + 8 * place[k + 1]);
      return _mm_castps_si128(_mm_loadh_pi(_mm_castsi128_ps(low), high));
    };
    return _mm256_set_m128i(half(2), half(0));
  }
}

// Running sums of blocks first .. first + count: R[0] = 0, R[1], ...
template <int N, class Index>
void running_sums(const Matrix<int8_t>& w, uint32_t first, uint32_t count, const int8_t* x,
                  __m256i* running) {
  constexpr uint32_t kBlocks = 32 / N;
  const Index* place = places(w, Index()) + first;
  const int8_t* blocks = w.values + int64_t{N} * first;
  __m256i sum = _mm256_setzero_si256();
  *running++ = sum;
  uint32_t k = 0;
  for (; k + kBlocks <= count; k += kBlocks) {
    _mm_prefetch(reinterpret_cast<const char*>(blocks + N * k) + kBehind, _MM_HINT_T0);
    sum = add_products(sum, inputs_at<N>(place + k, x), load(blocks + N * k));
    *running++ = sum;
  }
  // What is left is less than a vector, and the last of a file has nothing behind it.
  Index some[kBlocks] = {};
  int8_t last[32] = {};
  for (uint32_t j = 0; k + j < count; ++j) some[j] = place[k + j];
  std::memcpy(last, blocks + N * k, N * (count - k));
  *running = add_products(sum, inputs_at<N>(some, x), load(last));
}

// The sum of every lane before block `end`.
template <int N>
__m256i running_sum_at(const __m256i* running, uint32_t end) {
  constexpr uint32_t kBlocks = 32 / N, kLanes = N / 4;
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i before = _mm256_set1_epi32(static_cast<int>(end % kBlocks * kLanes));
  const __m256i* at = running + end / kBlocks;
  return _mm256_blendv_epi8(at[0], at[1], _mm256_cmpgt_epi32(before, lane));
}

// [4] vectors -> the sums of the lanes of each, one half of them in either half.
__m256i sums_of_halves(const __m256i* v) {
  return _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
}

// [8] vectors -> the sum of the lanes of each.
__m256i sums_of_lanes(const __m256i* v) {
  const __m256i a = sums_of_halves(v), b = sums_of_halves(v + 4);
  return _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20),
                          _mm256_permute2x128_si256(a, b, 0x31));
}

// Eight columns whose running sums are there; block 0 of those sums is block `first`. A column that
// is not there ends where it begins.
template <int N>
void take_columns(const Matrix<int8_t>& w, const __m256i* running, uint32_t first, int column,
                  int32_t* sums) {
  const int parts = w.parts(), there = std::min(8, w.columns() - column);
  const uint32_t* edges = w.edges.data() + parts * column;
  __m256i of[2][8], before = running_sum_at<N>(running, *edges - first);
  for (int k = 0; k < 8; ++k) {
    for (int part = 0; part < parts; ++part) {
      edges += k < there;
      const __m256i end = running_sum_at<N>(running, *edges - first);
      of[part][k] = _mm256_sub_epi32(end, before);
      before = end;
    }
  }
  for (int part = 0; part < parts; ++part) {
    int32_t* to = sums + part * w.stride() + column;
    int32_t eight[8];
    store(sums_of_lanes(of[part]), there == 8 ? to : eight);
    if (there < 8) std::copy(eight, eight + there, to);
  }
}

// As many columns as fit, eight at a time. No block stands across the split.
template <int N, class Index>
void input_blocks(const Matrix<int8_t>& w, const int8_t* x, int32_t* sums) {
  constexpr uint32_t kBlocks = 32 / N;
  alignas(32) __m256i running[kVectors + 2];
  const int columns = w.columns();
  const auto edge = [&](int column) { return w.edges[w.parts() * std::min(column, columns)]; };
  for (int column = 0; column < columns;) {
    int end = column + 8;
    const uint32_t first = edge(column);
    while (end < columns && edge(end + 8) - first <= kBlocks * kCached) end += 8;
    const uint32_t count = edge(end) - first;
    if (count > kBlocks * kVectors) return scalar_kernels().int8_product(w, x, sums);
    running_sums<N, Index>(w, first, count, x, running);
    for (; column < std::min(end, columns); column += 8) {
      take_columns<N>(w, running, first, column, sums);
    }
  }
}
