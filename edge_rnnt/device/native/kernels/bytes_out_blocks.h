// y = x W, W of bytes in blocks of 1 input x 8 outputs, for every vector type V.
// Include within a target region, inside an anonymous namespace.
//
// Four blocks at a time, their bytes turned so that the four inputs of an output stand side by side;
// eight sums, one for every output of the column.

constexpr int kQuad = 4, kOutputs = 8;

// The sums of blocks k .. end of one column.
template <class V, class Index>
void column_sums(const Index* place, const int8_t* blocks, uint32_t k, uint32_t end, const int8_t* x,
                 int32_t* y) {
  constexpr int kVectors = kOutputs / V::kWords;
  typename V::Words sums[kVectors];
  for (auto& each : sums) each = V::zero();
  const auto byte = [&](uint32_t at) { return static_cast<uint32_t>(uint8_t(x[place[at]])); };
  const auto add = [&](typename V::Bytes inputs, const int8_t* four) {
    typename V::Bytes w[kVectors];
    V::turn(four, w);
    for (int v = 0; v < kVectors; ++v) sums[v] = V::add_products(sums[v], inputs, w[v]);
  };
  for (; k + kQuad <= end; k += kQuad) {
    const uint32_t inputs = byte(k) | byte(k + 1) << 8 | byte(k + 2) << 16 | byte(k + 3) << 24;
    add(V::spread(inputs), blocks + int64_t{kOutputs} * k);
  }
  if (k < end) {
    uint32_t inputs = 0;
    int8_t last[kOutputs * kQuad] = {};
    std::memcpy(last, blocks + int64_t{kOutputs} * k, kOutputs * (end - k));
    for (uint32_t j = 0; k + j < end; ++j) inputs |= byte(k + j) << 8 * j;
    add(V::spread(inputs), last);
  }
  for (int v = 0; v < kVectors; ++v) V::store(sums[v], y + v * V::kWords);
}

template <class V, class Index>
void output_blocks(const Matrix<int8_t>& w, const int8_t* x, int32_t* sums) {
  const Index* place = places(w, Index());
  const uint32_t* edges = w.edges.data();
  for (int column = 0; column < w.columns(); ++column) {
    for (int part = 0; part < w.parts(); ++part, ++edges) {
      column_sums<V>(place, w.values, edges[0], edges[1], x,
                     sums + part * w.stride() + kOutputs * column);
    }
  }
}
