// Vectors of 32-bit, 16-bit and float numbers in AVX2, for the templates in lanes_*.h.
// Include within a target region, inside an anonymous namespace.

struct Avx2 {
  // 8 numbers of 32 bits.
  static constexpr int kWords = 8;
  using Words = __m256i;
  static Words set(int32_t x) { return _mm256_set1_epi32(x); }
  static Words load(const int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const Words*>(p)); }
  static Words widen(const int16_t* p) {
    return _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static void narrow(Words x, int16_t* p) {  // saturates
    const Words packed = _mm256_permute4x64_epi64(_mm256_packs_epi32(x, x), 0x08);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(packed));
  }
  static void narrow(Words x, int8_t* p) {  // saturates
    const Words half = _mm256_permute4x64_epi64(_mm256_packs_epi32(x, x), 0x08);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(_mm256_packs_epi16(half, half)));
  }
  static Words add(Words a, Words b) { return _mm256_add_epi32(a, b); }
  static Words subtract(Words a, Words b) { return _mm256_sub_epi32(a, b); }
  static Words times(Words a, Words b) { return _mm256_mullo_epi32(a, b); }  // the low 32 bits
  static Words least(Words a, Words b) { return _mm256_min_epi32(a, b); }
  static Words most(Words a, Words b) { return _mm256_max_epi32(a, b); }
  static Words both(Words a, Words b) { return _mm256_and_si256(a, b); }
  static Words above(Words a, Words b) { return _mm256_cmpgt_epi32(a, b); }  // -1 or 0
  static Words shift_right(Words a, int by) { return _mm256_sra_epi32(a, _mm_cvtsi32_si128(by)); }
  // (a b + 2^30) / 2^31, rounded down.
  static Words high(Words a, Words b) {
    const Words half = _mm256_set1_epi64x(1 << 30);
    const Words even = _mm256_add_epi64(_mm256_mul_epi32(a, b), half);
    const Words odd = _mm256_add_epi64(
        _mm256_mul_epi32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32)), half);
    return _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xAA);
  }

  // 16 numbers of 16 bits.
  static constexpr int kHalves = 16;
  using Halves = __m256i;
  static Halves set16(int x) { return _mm256_set1_epi16(static_cast<int16_t>(x)); }
  static Halves load16(const int16_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const Halves*>(p));
  }
  static void store16(Halves x, int16_t* p) { _mm256_storeu_si256(reinterpret_cast<Halves*>(p), x); }
  static Halves add16(Halves a, Halves b) { return _mm256_add_epi16(a, b); }
  static Halves add_saturate16(Halves a, Halves b) { return _mm256_adds_epi16(a, b); }
  static Halves subtract16(Halves a, Halves b) { return _mm256_sub_epi16(a, b); }
  static Halves least16(Halves a, Halves b) { return _mm256_min_epi16(a, b); }
  static Halves most16(Halves a, Halves b) { return _mm256_max_epi16(a, b); }
  static Halves both16(Halves a, Halves b) { return _mm256_and_si256(a, b); }
  static Halves above16(Halves a, Halves b) { return _mm256_cmpgt_epi16(a, b); }  // -1 or 0
  static Halves equal16(Halves a, Halves b) { return _mm256_cmpeq_epi16(a, b); }
  static Halves choose16(Halves mask, Halves yes, Halves no) {
    return _mm256_blendv_epi8(no, yes, mask);
  }
  static Halves shift_left16(Halves a, int by) { return _mm256_sll_epi16(a, _mm_cvtsi32_si128(by)); }
  static Halves shift_right16(Halves a, int by) { return _mm256_sra_epi16(a, _mm_cvtsi32_si128(by)); }
  // (a b + 2^14) / 2^15, rounded down.
  static Halves high16(Halves a, Halves b) { return _mm256_mulhrs_epi16(a, b); }

  // Sums of a[n] and of its squares; n is a multiple of kHalves and at most 32,768.
  static void sums(const int16_t* a, int n, int64_t* sum, int64_t* squares) {
    const Words one = _mm256_set1_epi16(1), zero = _mm256_setzero_si256();
    Words s = zero, q = zero;
    for (int k = 0; k < n; k += kHalves) {
      const Halves v = load16(a + k);
      s = _mm256_add_epi32(s, _mm256_madd_epi16(v, one));
      const Words pairs = _mm256_madd_epi16(v, v);  // up to 2^31: unsigned
      q = _mm256_add_epi64(q, _mm256_unpacklo_epi32(pairs, zero));
      q = _mm256_add_epi64(q, _mm256_unpackhi_epi32(pairs, zero));
    }
    alignas(32) int32_t words[8];
    alignas(32) int64_t longs[4];
    _mm256_store_si256(reinterpret_cast<Words*>(words), s);
    _mm256_store_si256(reinterpret_cast<Words*>(longs), q);
    for (int k = 0; k < 8; ++k) *sum += words[k];
    for (int k = 0; k < 4; ++k) *squares += longs[k];
  }

  // 8 numbers in float32.
  using Floats = __m256;
  static Floats set_float(float x) { return _mm256_set1_ps(x); }
  static Floats load_float(const float* p) { return _mm256_loadu_ps(p); }
  static void store_float(Floats x, float* p) { _mm256_storeu_ps(p, x); }
  static Floats add_float(Floats a, Floats b) { return _mm256_add_ps(a, b); }
  static Floats times_float(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
  static Floats over_float(Floats a, Floats b) { return _mm256_div_ps(a, b); }
  static Floats times_add_float(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
  static Floats least_float(Floats a, Floats b) { return _mm256_min_ps(a, b); }
  static Floats most_float(Floats a, Floats b) { return _mm256_max_ps(a, b); }
  // 2^k of whole k in -126 .. 127, as int: its bits go into the exponent.
  static Words round_float(Floats x) { return _mm256_cvtps_epi32(x); }  // ties to even
  static Floats to_float(Words x) { return _mm256_cvtepi32_ps(x); }
  static Floats power_of_two(Words k) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(k, _mm256_set1_epi32(127)), 23));
  }
};
