// Vectors of 32 bytes in AVX2 and their products, for the templates in bytes_*.h.
// Include within a target region, inside an anonymous namespace.
//
// Bytes are multiplied as |x| (unsigned) times sign(x) w: pairs of products then fit 16 bits, four
// of them are summed into 32. A weight is never -128, so its sign can be turned.

struct Avx2Bytes {
  static constexpr int kBytes = 32, kWords = 8;
  using Bytes = __m256i;
  using Words = __m256i;

  static Bytes load(const int8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const Bytes*>(p)); }
  static Words load(const int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const Words*>(p)); }
  static void store(Words v, int32_t* p) { _mm256_storeu_si256(reinterpret_cast<Words*>(p), v); }
  static Words zero() { return _mm256_setzero_si256(); }
  static Words subtract(Words a, Words b) { return _mm256_sub_epi32(a, b); }

  // Adds, in each lane of 32 bits, the four products of its bytes.
  static Words add_products(Words sums, Bytes x, Bytes w) {
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(x), _mm256_sign_epi8(w, x));
    return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }

  static Words add(Words a, Words b) { return _mm256_add_epi32(a, b); }

  // Four bytes, in every lane.
  static Bytes spread(uint32_t four) { return _mm256_set1_epi32(static_cast<int>(four)); }

  // Blocks of 1 input x 8 outputs, four of them -> in each lane the four bytes of one output.
  static void turn(const int8_t* blocks, Bytes* lanes) {
    const __m256i halves = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
    const __m256i order = _mm256_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15,  //
                                           0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    lanes[0] = _mm256_shuffle_epi8(_mm256_permutevar8x32_epi32(load(blocks), halves), order);
  }

  // The inputs that a vector of blocks of N inputs meets, 4 blocks of 8 or 2 of 16.
  template <int N, class Index>
  static Bytes inputs_at(const Index* place, const int8_t* x) {
    if constexpr (N == 16) {
      return _mm256_set_m128i(sixteen(x + 16 * place[1]), sixteen(x + 16 * place[0]));
    } else {
      std::conditional_t<sizeof(Index) == 1, uint32_t, uint64_t> four;  // one load instead of four
      std::memcpy(&four, place, sizeof four);
      const auto eight = [&](int k) {
        return x + 8 * size_t{static_cast<Index>(four >> (8 * sizeof(Index) * k))};
      };
      return _mm256_set_m128i(two_eights(eight(2), eight(3)), two_eights(eight(0), eight(1)));
    }
  }

  // a in the first lanes, b in the others.
  static Words first_lanes(uint32_t count, Words a, Words b) {
    static const int32_t window[] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
    return _mm256_blendv_epi8(b, a, load(window + kWords - count));
  }

  // [kWords] vectors -> the sum of the lanes of each.
  static Words sums_of_lanes(const Words* v) {
    const Words a = sums_of_halves(v), b = sums_of_halves(v + 4);
    return _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20),
                            _mm256_permute2x128_si256(a, b, 0x31));
  }

 private:
  static __m128i sixteen(const int8_t* x) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(x));
  }
  static __m128i two_eights(const int8_t* low, const int8_t* high) {
    const __m128i first = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(low));
    return _mm_castps_si128(
        _mm_loadh_pi(_mm_castsi128_ps(first), reinterpret_cast<const __m64*>(high)));
  }
  static Words sums_of_halves(const Words* v) {
    return _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
  }
};
