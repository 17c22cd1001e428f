// y = x W in float32, for every vector type L (lanes_*.h): dense, in blocks of 8 or 16 inputs x
// 1 output, and of 1 input x 8 outputs.
// Include within a target region, inside an anonymous namespace.

// Four rows at a time, each read once from its beginning to its end.
template <class L>
void dense_product(const Matrix<float>& w, const float* x, float* y) {
  std::fill(y, y + w.outputs, 0.0f);
  const int whole = w.outputs - w.outputs % L::kWords;
  int d = 0;
  for (; d + 4 <= w.inputs; d += 4) {
    const float* row = w.values + int64_t{d} * w.outputs;
    const float *row1 = row + w.outputs, *row2 = row1 + w.outputs, *row3 = row2 + w.outputs;
    const auto x0 = L::set_float(x[d]), x1 = L::set_float(x[d + 1]);
    const auto x2 = L::set_float(x[d + 2]), x3 = L::set_float(x[d + 3]);
    for (int e = 0; e < whole; e += L::kWords) {
      auto sum = L::times_add_float(x0, L::load_float(row + e), L::load_float(y + e));
      sum = L::times_add_float(x1, L::load_float(row1 + e), sum);
      sum = L::times_add_float(x2, L::load_float(row2 + e), sum);
      L::store_float(L::times_add_float(x3, L::load_float(row3 + e), sum), y + e);
    }
    for (int e = whole; e < w.outputs; ++e) {
      y[e] += x[d] * row[e] + x[d + 1] * row1[e] + x[d + 2] * row2[e] + x[d + 3] * row3[e];
    }
  }
  for (; d < w.inputs; ++d) {
    const float* row = w.values + int64_t{d} * w.outputs;
    for (int e = 0; e < w.outputs; ++e) y[e] += x[d] * row[e];
  }
}

template <class L>
void input_blocks(const Matrix<float>& w, const float* x, float* y) {
  for (int column = 0; column < w.columns(); ++column) {
    auto sum = L::set_float(0);
    for (uint32_t k = w.edges[w.parts() * column]; k < w.edges[w.parts() * (column + 1)]; ++k) {
      const float *from = x + w.block_in * w.place(k), *block = w.values + int64_t{k} * w.block_in;
      for (int j = 0; j < w.block_in; j += L::kWords) {
        sum = L::times_add_float(L::load_float(from + j), L::load_float(block + j), sum);
      }
    }
    float lanes[L::kWords];
    L::store_float(sum, lanes);
    y[column] = std::accumulate(lanes, lanes + L::kWords, 0.0f);
  }
}

template <class L>
void output_blocks(const Matrix<float>& w, const float* x, float* y) {
  for (int column = 0; column < w.columns(); ++column) {
    for (int e = 0; e < 8; e += L::kWords) {
      auto sum = L::set_float(0);
      for (uint32_t k = w.edges[w.parts() * column]; k < w.edges[w.parts() * (column + 1)]; ++k) {
        const auto block = L::load_float(w.values + int64_t{8} * k + e);
        sum = L::times_add_float(L::set_float(x[w.place(k)]), block, sum);
      }
      L::store_float(sum, y + 8 * column + e);
    }
  }
}

template <class L>
void float_product(const Matrix<float>& w, const float* x, float* y) {
  if (w.dense()) return dense_product<L>(w, x, y);
  if (w.block_out == 1 && w.block_in % 8 == 0) return input_blocks<L>(w, x, y);
  if (w.block_out == 8 && w.block_in == 1) return output_blocks<L>(w, x, y);
  scalar_kernels().float_product(w, x, y);
}
