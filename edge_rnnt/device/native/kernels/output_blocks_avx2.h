// y = x W, W of bytes in blocks of 1 input x 8 outputs.
// Include within a target region, inside an anonymous namespace, after bytes_avx2.h.
//
// Four blocks at a time, their bytes turned so that the four inputs of an output stand side by side;
// eight sums of 32 bits, one for every output of the column.

constexpr int kQuad = 4;

__m256i turned(__m256i blocks) {
  const __m256i halves = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
  const __m256i turn = _mm256_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15,  //
                                        0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm256_shuffle_epi8(_mm256_permutevar8x32_epi32(blocks, halves), turn);
}

// The sums of blocks k .. end of one column.
template <class Index>
__m256i column_sums(const Index* place, const int8_t* blocks, uint32_t k, uint32_t end,
                    const int8_t* x) {
  const auto byte = [&](uint32_t at) { return static_cast<uint32_t>(uint8_t(x[place[at]])); };
  __m256i sums = _mm256_setzero_si256();
  for (; k + kQuad <= end; k += kQuad) {
    const uint32_t inputs = byte(k) | byte(k + 1) << 8 | byte(k + 2) << 16 | byte(k + 3) << 24;
    sums = add_products(sums, _mm256_set1_epi32(static_cast<int>(inputs)),
                        turned(load(blocks + int64_t{8} * k)));
  }
  if (k < end) {
    int8_t inputs[kQuad] = {}, last[8 * kQuad] = {};
    std::memcpy(last, blocks + int64_t{8} * k, 8 * (end - k));
    for (uint32_t j = 0; k + j < end; ++j) inputs[j] = x[place[k + j]];
    sums = add_products(sums, spread(inputs), turned(load(last)));
  }
  return sums;
}

template <class Index>
void output_blocks(const Matrix<int8_t>& w, const int8_t* x, int32_t* sums) {
  const int parts = w.parts();
  const Index* place = places(w, Index());
  const uint32_t* edges = w.edges.data();
  for (int column = 0; column < w.columns(); ++column) {
    for (int part = 0; part < parts; ++part, ++edges) {
      store(column_sums(place, w.values, edges[0], edges[1], x),
            sums + part * w.stride() + 8 * column);
    }
  }
}
