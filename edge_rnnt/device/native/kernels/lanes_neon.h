// Vectors of 32-bit, 16-bit and float numbers in 64-bit NEON, for the templates in lanes_*.h.
// Include inside an anonymous namespace.

struct Neon {
  // 4 numbers of 32 bits.
  static constexpr int kWords = 4;
  using Words = int32x4_t;
  static Words set(int32_t x) { return vdupq_n_s32(x); }
  static Words load(const int32_t* p) { return vld1q_s32(p); }
  static Words widen(const int16_t* p) { return vmovl_s16(vld1_s16(p)); }
  static void narrow(Words x, int16_t* p) { vst1_s16(p, vqmovn_s32(x)); }  // saturates
  static void narrow(Words x, int8_t* p) {                                 // saturates
    const int16x4_t half = vqmovn_s32(x);
    const int8x8_t bytes = vqmovn_s16(vcombine_s16(half, half));
    std::memcpy(p, &bytes, 4);
  }
  static Words add(Words a, Words b) { return vaddq_s32(a, b); }
  static Words subtract(Words a, Words b) { return vsubq_s32(a, b); }
  static Words times(Words a, Words b) { return vmulq_s32(a, b); }  // the low 32 bits
  static Words least(Words a, Words b) { return vminq_s32(a, b); }
  static Words most(Words a, Words b) { return vmaxq_s32(a, b); }
  static Words both(Words a, Words b) { return vandq_s32(a, b); }
  static Words above(Words a, Words b) { return vreinterpretq_s32_u32(vcgtq_s32(a, b)); }  // -1 or 0
  static Words shift_right(Words a, int by) { return vshlq_s32(a, vdupq_n_s32(-by)); }
  // (a b + 2^30) / 2^31, rounded down.
  static Words high(Words a, Words b) { return vqrdmulhq_s32(a, b); }

  // 8 numbers of 16 bits.
  static constexpr int kHalves = 8;
  using Halves = int16x8_t;
  static Halves set16(int x) { return vdupq_n_s16(static_cast<int16_t>(x)); }
  static Halves load16(const int16_t* p) { return vld1q_s16(p); }
  static void store16(Halves x, int16_t* p) { vst1q_s16(p, x); }
  static Halves add16(Halves a, Halves b) { return vaddq_s16(a, b); }
  static Halves add_saturate16(Halves a, Halves b) { return vqaddq_s16(a, b); }
  static Halves subtract16(Halves a, Halves b) { return vsubq_s16(a, b); }
  static Halves least16(Halves a, Halves b) { return vminq_s16(a, b); }
  static Halves most16(Halves a, Halves b) { return vmaxq_s16(a, b); }
  static Halves both16(Halves a, Halves b) { return vandq_s16(a, b); }
  static Halves above16(Halves a, Halves b) {  // -1 or 0
    return vreinterpretq_s16_u16(vcgtq_s16(a, b));
  }
  static Halves equal16(Halves a, Halves b) { return vreinterpretq_s16_u16(vceqq_s16(a, b)); }
  static Halves choose16(Halves mask, Halves yes, Halves no) {
    return vbslq_s16(vreinterpretq_u16_s16(mask), yes, no);
  }
  static Halves shift_left16(Halves a, int by) {
    return vshlq_s16(a, vdupq_n_s16(static_cast<int16_t>(by)));
  }
  static Halves shift_right16(Halves a, int by) { return shift_left16(a, -by); }
  // (a b + 2^14) / 2^15, rounded down.
  static Halves high16(Halves a, Halves b) { return vqrdmulhq_s16(a, b); }

  // Sums of a[n] and of its squares; n is a multiple of kHalves and at most 32,768.
  static void sums(const int16_t* a, int n, int64_t* sum, int64_t* squares) {
    int32x4_t s = vdupq_n_s32(0);
    int64x2_t q = vdupq_n_s64(0);
    for (int k = 0; k < n; k += kHalves) {
      const Halves v = load16(a + k);
      s = vpadalq_s16(s, v);
      q = vpadalq_s32(q, vmull_s16(vget_low_s16(v), vget_low_s16(v)));
      q = vpadalq_s32(q, vmull_high_s16(v, v));
    }
    *sum += vaddlvq_s32(s), *squares += vaddvq_s64(q);
  }

  // 4 numbers in float32.
  using Floats = float32x4_t;
  static Floats set_float(float x) { return vdupq_n_f32(x); }
  static Floats load_float(const float* p) { return vld1q_f32(p); }
  static void store_float(Floats x, float* p) { vst1q_f32(p, x); }
  static Floats add_float(Floats a, Floats b) { return vaddq_f32(a, b); }
  static Floats times_float(Floats a, Floats b) { return vmulq_f32(a, b); }
  static Floats over_float(Floats a, Floats b) { return vdivq_f32(a, b); }
  static Floats times_add_float(Floats a, Floats b, Floats c) { return vfmaq_f32(c, a, b); }
  static Floats least_float(Floats a, Floats b) { return vminq_f32(a, b); }
  static Floats most_float(Floats a, Floats b) { return vmaxq_f32(a, b); }
  // 2^k of whole k in -126 .. 127, as int: its bits go into the exponent.
  static Words round_float(Floats x) { return vcvtnq_s32_f32(x); }  // ties to even
  static Floats to_float(Words x) { return vcvtq_f32_s32(x); }
  static Floats power_of_two(Words k) {
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(k, vdupq_n_s32(127)), 23));
  }
};
