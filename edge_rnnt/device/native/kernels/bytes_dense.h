// y = x W, W [inputs][outputs] of bytes, dense, for every vector type V (lanes_bytes_*.h).
// Include within a target region, inside an anonymous namespace.
//
// Eight rows at a time, each read once from its beginning to its end. For a tile of outputs
//   y += x[0 .. 3] W[0 .. 3] + x[4 .. 7] W[4 .. 7],
// the bytes of four inputs put side by side for every output.

constexpr int kRows = 8;
// Where rows are short, a processor does not see by itself that the next ones follow.
constexpr int kShortRow = 2048, kAhead = 8192, kLine = 64;

// Adds two quads of inputs to a tile; rows[d] points to the weights of input d.
template <class V>
void add_tile(const int8_t* const* rows, int at, const typename V::Bytes* x, int32_t* y) {
  constexpr int kWords = V::kWords;
  auto s0 = V::load(y), s1 = V::load(y + kWords);
  auto s2 = V::load(y + 2 * kWords), s3 = V::load(y + 3 * kWords);
  const auto add = [&](const int8_t* const* row, typename V::Bytes four) {
    typename V::Bytes w[4];
    V::interleave(V::load(row[0] + at), V::load(row[1] + at), V::load(row[2] + at),
                  V::load(row[3] + at), w);
    s0 = V::add_products(s0, four, w[0]), s1 = V::add_products(s1, four, w[1]);
    s2 = V::add_products(s2, four, w[2]), s3 = V::add_products(s3, four, w[3]);
  };
  add(rows, x[0]);
  add(rows + 4, x[1]);
  V::store(s0, y), V::store(s1, y + kWords);
  V::store(s2, y + 2 * kWords), V::store(s3, y + 3 * kWords);
}

// The rows begin .. end; y [outputs].
template <class V>
void dense_rows(const Matrix<int8_t>& w, int begin, int end, const int8_t* x, int32_t* y) {
  constexpr int kTile = V::kBytes;
  const int whole = w.outputs - w.outputs % kTile, rest = w.outputs - whole;
  std::fill(y, y + w.outputs, 0);
  int32_t last[kTile] = {};
  for (int first = begin; first < end; first += kRows) {
    const int8_t* rows[kRows];
    const int8_t* corners[kRows];
    int8_t inputs[kRows] = {}, corner[kRows][kTile] = {};
    for (int k = 0; k < kRows; ++k) {
      const int d = std::min(first + k, end - 1);  // rows too many meet a zero
      rows[k] = w.values + int64_t{d} * w.outputs;
      if (first + k < end) inputs[k] = x[d];
      if (rest) std::memcpy(corner[k], rows[k] + whole, rest);
      corners[k] = corner[k];
    }
    uint32_t fours[kRows / 4];
    std::memcpy(fours, inputs, sizeof fours);
    const typename V::Bytes quads[] = {V::spread(fours[0]), V::spread(fours[1])};
    for (int at = 0; at < whole; at += kTile) {
      if (w.outputs <= kShortRow) {
        for (int line = 0; line < kRows * kTile; line += kLine) {
          __builtin_prefetch(rows[0] + kAhead + kRows * at + line);
        }
      }
      add_tile<V>(rows, at, quads, y + at);
    }
    if (rest) add_tile<V>(corners, 0, quads, last);
  }
  for (int at = 0; at < whole; at += kTile) V::sort(y + at);
  V::sort(last);
  std::copy(last, last + rest, y + whole);
}

template <class V>
void dense_product(const Matrix<int8_t>& w, const int8_t* x, int32_t* sums) {
  dense_rows<V>(w, 0, w.split, x, sums);
  if (w.parts() == 2) dense_rows<V>(w, w.split, w.inputs, x, sums + w.stride());
}
