// y = x W, W [inputs][outputs] of bytes, dense.
// Include within a target region, inside an anonymous namespace, after bytes_avx2.h.
//
// Eight rows at a time, each read once from its beginning to its end: for a tile of 32 outputs,
//   y[0 .. 31] += x[0 .. 3] W[0 .. 3][0 .. 31] + x[4 .. 7] W[4 .. 7][0 .. 31],
// where unpacking puts the bytes of four inputs side by side for every output. It leaves the outputs
// of a tile in the order 0-3 16-19, 4-7 20-23, 8-11 24-27, 12-15 28-31; they are sorted in the end.

constexpr int kRows = 8, kTile = 32;

// What the processor does not see by itself where rows are short: that the next ones follow.
constexpr int kAhead = 8192, kShortRow = 2048, kLine = 64;

// Adds two quads of inputs to a tile; rows[d] points to the weights of input d for the tile.
void add_tile(const int8_t* const* rows, int at, const __m256i* x, int32_t* y) {
  __m256i s0 = load(y), s1 = load(y + 8), s2 = load(y + 16), s3 = load(y + 24);
#pragma GCC unroll 2
  for (int quad = 0; quad < kRows / 4; ++quad) {
    const int8_t* const* row = rows + 4 * quad;
    const __m256i a = load(row[0] + at), b = load(row[1] + at);
    const __m256i c = load(row[2] + at), d = load(row[3] + at);
    const __m256i ab = _mm256_unpacklo_epi8(a, b), ab_high = _mm256_unpackhi_epi8(a, b);
    const __m256i cd = _mm256_unpacklo_epi8(c, d), cd_high = _mm256_unpackhi_epi8(c, d);
    s0 = add_products(s0, x[quad], _mm256_unpacklo_epi16(ab, cd));
    s1 = add_products(s1, x[quad], _mm256_unpackhi_epi16(ab, cd));
    s2 = add_products(s2, x[quad], _mm256_unpacklo_epi16(ab_high, cd_high));
    s3 = add_products(s3, x[quad], _mm256_unpackhi_epi16(ab_high, cd_high));
  }
  store(s0, y), store(s1, y + 8), store(s2, y + 16), store(s3, y + 24);
}

void sort_tile(int32_t* y) {
  const __m256i s0 = load(y), s1 = load(y + 8), s2 = load(y + 16), s3 = load(y + 24);
  store(_mm256_permute2x128_si256(s0, s1, 0x20), y);
  store(_mm256_permute2x128_si256(s2, s3, 0x20), y + 8);
  store(_mm256_permute2x128_si256(s0, s1, 0x31), y + 16);
  store(_mm256_permute2x128_si256(s2, s3, 0x31), y + 24);
}

// The rows begin .. end; y [outputs].
void dense_rows(const Matrix<int8_t>& w, int begin, int end, const int8_t* x, int32_t* y) {
  const int whole = w.outputs - w.outputs % kTile, rest = w.outputs - whole;
  std::fill(y, y + w.outputs, 0);
  int32_t last[kTile] = {};
  for (int first = begin; first < end; first += kRows) {
    const int8_t* rows[kRows];
    const int8_t* corners[kRows];
    int8_t inputs[kRows] = {}, corner[kRows][kTile] = {};
    for (int k = 0; k < kRows; ++k) {
      const int d = std::min(first + k, end - 1);  // rows too many meet a zero
      rows[k] = w.values + int64_t{d} * w.outputs;
      if (first + k < end) inputs[k] = x[d];
      std::memcpy(corner[k], rows[k] + whole, rest);
      corners[k] = corner[k];
    }
    const __m256i quads[] = {spread(inputs), spread(inputs + 4)};
    const char* ahead = reinterpret_cast<const char*>(rows[0]) + kAhead;
    for (int at = 0; at < whole; at += kTile) {
      if (w.outputs <= kShortRow) {
        for (int line = 0; line < kRows * kTile; line += kLine) {
          _mm_prefetch(ahead + kRows * at + line, _MM_HINT_T0);
        }
      }
      add_tile(rows, at, quads, y + at);
    }
    if (rest) add_tile(corners, 0, quads, last);
  }
  for (int at = 0; at < whole; at += kTile) sort_tile(y + at);
  sort_tile(last);
  std::copy(last, last + rest, y + whole);
}

void dense_product(const Matrix<int8_t>& w, const int8_t* x, int32_t* sums) {
  dense_rows(w, 0, w.split, x, sums);
  if (w.parts() == 2) dense_rows(w, w.split, w.inputs, x, sums + w.stride());
}
