// y = x W in float32, dense and in blocks of 8 or 16 inputs x 1 output, or 1 input x 8 outputs.
// Include within a target region, inside an anonymous namespace.

float sum_of_lanes(__m256 v) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

// Four rows at a time, each read once from its beginning to its end.
void dense_product(const Matrix<float>& w, const float* x, float* y) {
  std::memset(y, 0, sizeof(float) * w.outputs);
  const int end = w.inputs, whole = w.outputs - w.outputs % 8;
  int d = 0;
  for (; d + 4 <= end; d += 4) {
    const float* row = w.values + int64_t{d} * w.outputs;
    const float *row1 = row + w.outputs, *row2 = row1 + w.outputs, *row3 = row2 + w.outputs;
    const __m256 x0 = _mm256_set1_ps(x[d]), x1 = _mm256_set1_ps(x[d + 1]);
    const __m256 x2 = _mm256_set1_ps(x[d + 2]), x3 = _mm256_set1_ps(x[d + 3]);
    for (int e = 0; e < whole; e += 8) {
      __m256 sum = _mm256_fmadd_ps(x0, _mm256_loadu_ps(row + e), _mm256_loadu_ps(y + e));
      sum = _mm256_fmadd_ps(x1, _mm256_loadu_ps(row1 + e), sum);
      sum = _mm256_fmadd_ps(x2, _mm256_loadu_ps(row2 + e), sum);
      _mm256_storeu_ps(y + e, _mm256_fmadd_ps(x3, _mm256_loadu_ps(row3 + e), sum));
    }
    for (int e = whole; e < w.outputs; ++e) {
      y[e] += x[d] * row[e] + x[d + 1] * row1[e] + x[d + 2] * row2[e] + x[d + 3] * row3[e];
    }
  }
  for (; d < end; ++d) {
    const float* row = w.values + int64_t{d} * w.outputs;
    for (int e = 0; e < w.outputs; ++e) y[e] += x[d] * row[e];
  }
}

// Blocks of 8 or 16 inputs of one output.
void input_blocks(const Matrix<float>& w, const float* x, float* y) {
  for (int column = 0; column < w.columns(); ++column) {
    __m256 sum = _mm256_setzero_ps();
    for (uint32_t k = w.edges[w.parts() * column]; k < w.edges[w.parts() * (column + 1)]; ++k) {
      const float *from = x + w.block_in * w.place(k), *block = w.values + int64_t{k} * w.block_in;
      for (int j = 0; j < w.block_in; j += 8) {
        sum = _mm256_fmadd_ps(_mm256_loadu_ps(from + j), _mm256_loadu_ps(block + j), sum);
      }
    }
    y[column] = sum_of_lanes(sum);
  }
}

void output_blocks(const Matrix<float>& w, const float* x, float* y) {
  for (int column = 0; column < w.columns(); ++column) {
    __m256 sum = _mm256_setzero_ps();
    for (uint32_t k = w.edges[w.parts() * column]; k < w.edges[w.parts() * (column + 1)]; ++k) {
      const __m256 block = _mm256_loadu_ps(w.values + int64_t{8} * k);
      sum = _mm256_fmadd_ps(_mm256_set1_ps(x[w.place(k)]), block, sum);
    }
    _mm256_storeu_ps(y + 8 * column, sum);
  }
}

void float_product(const Matrix<float>& w, const float* x, float* y) {
  if (w.dense()) return dense_product(w, x, y);
  if (w.block_out == 1 && w.block_in % 8 == 0) return input_blocks(w, x, y);
  if (w.block_out == 8 && w.block_in == 1) return output_blocks(w, x, y);
  scalar_kernels().float_product(w, x, y);
}
