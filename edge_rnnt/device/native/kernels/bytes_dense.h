// y = x W, W of bytes, dense in panels (edge_rnnt/export/panels.py), for every vector type V.
// Include within a target region, inside an anonymous namespace.
//
// A row of a panel, 64 bytes, is four inputs of 16 outputs: products with the same four inputs are
// added up in every lane, which is one output. Two rows at a time, so that no sum waits for itself.

// The four inputs from d on, zeros in place of those that are not in begin .. end.
inline uint32_t four_inputs(const int8_t* x, int d, int begin, int end) {
  uint32_t four = 0;
  for (int k = std::max(d, begin); k < std::min(d + 4, end); ++k) {
    four |= static_cast<uint32_t>(uint8_t(x[k])) << 8 * (k - d);
  }
  return four;
}

inline uint32_t four_inputs(const int8_t* x) {
  uint32_t four;
  std::memcpy(&four, x, sizeof four);
  return four;
}

// Rows begin .. end of the matrix, for one panel of it; y [16].
template <class V>
void panel_sums(const int8_t* panel, const int8_t* x, int begin, int end, int32_t* y) {
  constexpr int kVectors = 16 / V::kWords, kRow = 64;
  typename V::Words even[kVectors], odd[kVectors];
  for (int v = 0; v < kVectors; ++v) even[v] = odd[v] = V::zero();
  const auto add = [&](uint32_t four, const int8_t* row, typename V::Words* sums) {
    const auto inputs = V::spread(four);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      sums[v] = V::add_products(sums[v], inputs, V::load(row + v * V::kBytes));
    }
  };
  int quad = begin / 4;
  // The split between x and h may go through a quad.
  if (begin % 4) add(four_inputs(x, 4 * quad, begin, end), panel + kRow * quad, even), ++quad;
  for (; 4 * quad + 8 <= end; quad += 2) {
    add(four_inputs(x + 4 * quad), panel + kRow * quad, even);
    add(four_inputs(x + 4 * quad + 4), panel + kRow * (quad + 1), odd);
  }
  for (; 4 * quad < end; ++quad) {
    add(four_inputs(x, 4 * quad, begin, end), panel + kRow * quad, even);
  }
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) V::store(V::add(even[v], odd[v]), y + v * V::kWords);
}

template <class V>
void dense_product(const Matrix<int8_t>& w, const int8_t* x, int32_t* sums) {
  for (int panel = 0; panel < w.panels(); ++panel) {
    const int8_t* values = w.values + int64_t{panel} * w.quads() * 64;
    int32_t* y = sums + 16 * panel;
    panel_sums<V>(values, x, 0, w.split, y);
    if (w.parts() == 2) panel_sums<V>(values, x, w.split, w.inputs, y + w.stride());
  }
}
