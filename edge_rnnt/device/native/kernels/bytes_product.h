// Chooses among the products of bytes; what no vector kernel takes goes to the scalar one.
// Include within a target region, inside an anonymous namespace, after the others.

template <class V, class Index>
void product_in_blocks(const Matrix<int8_t>& w, const int8_t* x, int32_t* sums) {
  const bool inputs = w.block_out == 1 && !w.straddled();
  if (inputs && w.block_in == 8) return input_blocks<V, 8, Index>(w, x, sums);
  if (inputs && w.block_in == 16) return input_blocks<V, 16, Index>(w, x, sums);
  if (w.block_in == 1 && w.block_out == 8) return output_blocks<V, Index>(w, x, sums);
  scalar_kernels().int8_product(w, x, sums);
}

template <class V>
void int8_product(const Matrix<int8_t>& w, const int8_t* x, int32_t* sums) {
  if (w.dense()) return dense_product<V>(w, x, sums);
  if (w.index8) return product_in_blocks<V, uint8_t>(w, x, sums);
  product_in_blocks<V, uint16_t>(w, x, sums);
}
