// Products of bytes in AVX2, for the kernels in *_avx2.h.
// Include within a target region, inside an anonymous namespace.
//
// Bytes are multiplied as |x| (unsigned) times sign(x) w: pairs of products then fit 16 bits, four
// of them are summed into 32. A weight is never -128, so its sign can be turned.

__m256i load(const int8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
__m256i load(const int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
void store(__m256i v, int32_t* p) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }

// Adds, in each lane of 32 bits, the four products of its bytes.
__m256i add_products(__m256i sums, __m256i x, __m256i w) {
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(x), _mm256_sign_epi8(w, x));
  return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

// Four bytes, in every lane.
__m256i spread(const int8_t* x) {
  int32_t four;
  std::memcpy(&four, x, sizeof four);
  return _mm256_set1_epi32(four);
}
