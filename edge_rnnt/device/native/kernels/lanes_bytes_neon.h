// Vectors of 16 bytes in 64-bit NEON and their products, for the templates in bytes_*.h.
// Include inside an anonymous namespace.

struct NeonBytes {
  static constexpr int kBytes = 16, kWords = 4;
  using Bytes = int8x16_t;
  using Words = int32x4_t;

  static Bytes load(const int8_t* p) { return vld1q_s8(p); }
  static Words load(const int32_t* p) { return vld1q_s32(p); }
  static void store(Words v, int32_t* p) { vst1q_s32(p, v); }
  static Words zero() { return vdupq_n_s32(0); }
  static Words subtract(Words a, Words b) { return vsubq_s32(a, b); }

  // Adds, in each lane of 32 bits, the four products of its bytes. A weight is never -128, so pairs
  // of products fit 16 bits.
  static Words add_products(Words sums, Bytes x, Bytes w) {
    const int16x8_t low = vmull_s8(vget_low_s8(x), vget_low_s8(w)), high = vmull_high_s8(x, w);
    return vpadalq_s16(sums, vpaddq_s16(low, high));
  }

  static Words add(Words a, Words b) { return vaddq_s32(a, b); }

  // Four bytes, in every lane.
  static Bytes spread(uint32_t four) { return vreinterpretq_s8_u32(vdupq_n_u32(four)); }

  // Blocks of 1 input x 8 outputs, four of them -> in each lane the four bytes of one output.
  static void turn(const int8_t* blocks, Bytes* lanes) {
    const Bytes ab = load(blocks), cd = load(blocks + 16);
    zip(vzip1q_s8(ab, vextq_s8(ab, ab, 8)), vzip1q_s8(cd, vextq_s8(cd, cd, 8)), lanes);
  }

  // The inputs that a vector of blocks of N inputs meets, 2 blocks of 8 or 1 of 16.
  template <int N, class Index>
  static Bytes inputs_at(const Index* place, const int8_t* x) {
    if constexpr (N == 16) {
      return load(x + 16 * place[0]);
    } else {
      return vcombine_s8(vld1_s8(x + 8 * place[0]), vld1_s8(x + 8 * place[1]));
    }
  }

  // a in the first lanes, b in the others.
  static Words first_lanes(uint32_t count, Words a, Words b) {
    const uint32x4_t lane = {0, 1, 2, 3};
    return vbslq_s32(vcgtq_u32(vdupq_n_u32(count), lane), a, b);
  }

  // [kWords] vectors -> the sum of the lanes of each.
  static Words sums_of_lanes(const Words* v) {
    return vpaddq_s32(vpaddq_s32(v[0], v[1]), vpaddq_s32(v[2], v[3]));
  }

 private:
  // Pairs of bytes of two rows each -> quads.
  static void zip(Bytes ab, Bytes cd, Bytes* lanes) {
    const int16x8_t first = vreinterpretq_s16_s8(ab), second = vreinterpretq_s16_s8(cd);
    lanes[0] = vreinterpretq_s8_s16(vzip1q_s16(first, second));
    lanes[1] = vreinterpretq_s8_s16(vzip2q_s16(first, second));
  }
};
