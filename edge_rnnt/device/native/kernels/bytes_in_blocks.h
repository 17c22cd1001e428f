// y = x W, W of bytes in blocks of N inputs x 1 output, N = 8 or 16, for every vector type V.
// Include within a target region, inside an anonymous namespace.
//
// A vector holds several blocks, one beside the other whatever column they are of: columns are too
// short for loops that begin and end with each. Running sums are kept instead, in every lane,
//
//   R_0 = 0;   R_(v+1) = R_v + products of vector v with the inputs where its blocks stand
//
// and a column's sum is the difference between its two ends, added up over the lanes. An end at
// block b lies within vector v = b / (blocks of a vector): lanes before it are those of R_(v+1), the
// others those of R_v. Sums may wrap around in 32 bits; their differences are right.

constexpr int kBehind = 2048;       // bytes between what is multiplied and what is asked for
constexpr int kCached = 1 << 14;    // bytes of weights whose running sums stay near
constexpr int kRunning = 3 << 14;   // at most: 8 columns of 6,144 inputs

// Where in its column of blocks a block stands.
inline const uint8_t* places(const Matrix<int8_t>& w, uint8_t) { return w.index8; }
inline const uint16_t* places(const Matrix<int8_t>& w, uint16_t) { return w.index16; }

// Running sums of blocks first .. first + count: R_0 = 0, R_1, ...
template <class V, int N, class Index>
void running_sums(const Matrix<int8_t>& w, uint32_t first, uint32_t count, const int8_t* x,
                  typename V::Words* running) {
  constexpr uint32_t kBlocks = V::kBytes / N;
  const Index* place = places(w, Index()) + first;
  const int8_t* blocks = w.values + int64_t{N} * first;
  auto sum = V::zero();
  *running++ = sum;
  uint32_t k = 0;
  const auto add = [&] {
    const auto from = V::template inputs_at<N>(place + k, x);
    sum = V::add_products(sum, from, V::load(blocks + N * k));
    *running++ = sum;
    k += kBlocks;
  };
  while (k + 2 * kBlocks <= count) {  // two vectors of 32 bytes are a cache line
    __builtin_prefetch(blocks + N * k + kBehind);
    add();
    add();
  }
  if (k + kBlocks <= count) add();
  // What is left is less than a vector, and the last of a file has nothing behind it.
  Index some[kBlocks] = {};
  int8_t last[V::kBytes] = {};
  for (uint32_t j = 0; k + j < count; ++j) {
    some[j] = place[k + j];
    std::memcpy(last + N * j, blocks + N * (k + j), N);
  }
  *running = V::add_products(sum, V::template inputs_at<N>(some, x), V::load(last));
}

// The sum of every lane before block `end`.
template <class V, int N>
typename V::Words running_sum_at(const typename V::Words* running, uint32_t end) {
  constexpr uint32_t kBlocks = V::kBytes / N, kLanes = N / 4;
  const auto* at = running + end / kBlocks;
  if constexpr (kBlocks == 1) return *at;
  return V::first_lanes(end % kBlocks * kLanes, at[1], at[0]);
}

// As many columns as a vector has lanes, of kParts parts. Block 0 of the running sums is block
// `first`. A column that is not there ends where it begins.
template <class V, int N, int kParts>
void take_columns(const Matrix<int8_t>& w, const typename V::Words* running, uint32_t first,
                  int column, int32_t* sums) {
  constexpr int kColumns = V::kWords;
  const int there = std::min(kColumns, w.columns() - column);
  const uint32_t* edges = w.edges.data() + kParts * column;
  uint32_t some[kParts * kColumns + 1];
  if (there < kColumns) {
    std::copy_n(edges, kParts * there + 1, some);
    std::fill(some + kParts * there + 1, some + kParts * kColumns + 1, edges[kParts * there]);
    edges = some;
  }
  typename V::Words of[kParts][kColumns], before = running_sum_at<V, N>(running, edges[0] - first);
#pragma GCC unroll 16
  for (int k = 0; k < kParts * kColumns; ++k) {
    const auto end = running_sum_at<V, N>(running, edges[k + 1] - first);
    of[k % kParts][k / kParts] = V::subtract(end, before);
    before = end;
  }
  for (int part = 0; part < kParts; ++part) {
    int32_t* to = sums + part * w.stride() + column;
    int32_t all[kColumns];
    V::store(V::sums_of_lanes(of[part]), there == kColumns ? to : all);
    if (there < kColumns) std::copy(all, all + there, to);
  }
}

// As many columns as fit, a vector of them at a time. No block stands across the split.
template <class V, int N, class Index>
void input_blocks(const Matrix<int8_t>& w, const int8_t* x, int32_t* sums) {
  constexpr int kColumns = V::kWords;
  typename V::Words running[kRunning / V::kBytes + 2];
  const int columns = w.columns();
  const auto edge = [&](int column) { return w.edges[w.parts() * std::min(column, columns)]; };
  for (int column = 0; column < columns;) {
    const uint32_t first = edge(column);
    int end = column + kColumns;
    while (end < columns && edge(end + kColumns) - first <= kCached / N) end += kColumns;
    const uint32_t count = edge(end) - first;
    if (count > kRunning / N) return scalar_kernels().int8_product(w, x, sums);
    running_sums<V, N, Index>(w, first, count, x, running);
    for (; column < std::min(end, columns); column += kColumns) {
      const auto take = w.parts() == 2 ? take_columns<V, N, 2> : take_columns<V, N, 1>;
      take(w, running, first, column, sums);
    }
  }
}
