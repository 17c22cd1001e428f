// What the float and hybrid schemes do to whole rows, written once for every vector type L; the formulas
// are those of scalar.cc.
// Include within a target region, inside an anonymous namespace.

// The lanes of a vector, put together one after the other.
template <class L, class Join>
float across(typename L::Floats x, Join join) {
  float lanes[L::kWords];
  L::store_float(x, lanes);
  float all = lanes[0];
  for (int k = 1; k < L::kWords; ++k) all = join(all, lanes[k]);
  return all;
}

template <class L>
float quantize_row(const float* x, int n, int8_t* q) {
  const int whole = n - n % L::kWords;
  auto most = L::set_float(0);
  for (int k = 0; k < whole; k += L::kWords) {
    const auto value = L::load_float(x + k);
    most = L::most_float(most, L::most_float(value, L::times_float(value, L::set_float(-1))));
  }
  float limit = across<L>(most, [](float a, float b) { return std::max(a, b); });
  for (int k = whole; k < n; ++k) limit = std::max(limit, std::abs(x[k]));
  const float scale = limit > 0 ? limit * (1.0f / 127) : 1.0f, inverse = 1 / scale;
  for (int k = 0; k < whole; k += L::kWords) {
    const auto scaled = L::times_float(L::load_float(x + k), L::set_float(inverse));
    const auto tame = L::least_float(L::most_float(scaled, L::set_float(-127)), L::set_float(127));
    L::narrow(L::round_float(tame), q + k);
  }
  for (int k = whole; k < n; ++k) {
    q[k] = static_cast<int8_t>(std::min(std::max(-127.0f, std::nearbyint(x[k] * inverse)), 127.0f));
  }
  return scale;
}

template <class L>
void hybrid_rescale(const int32_t* sums, float scale, const float* scales, bool add, int n,
                    float* y) {
  int k = 0;
  for (; k + L::kWords <= n; k += L::kWords) {
    const auto factor = L::times_float(L::set_float(scale), L::load_float(scales + k));
    const auto value = L::times_float(L::to_float(L::load(sums + k)), factor);
    L::store_float(add ? L::add_float(L::load_float(y + k), value) : value, y + k);
  }
  scalar_kernels().hybrid_rescale(sums + k, scale, scales + k, add, n - k, y + k);
}

template <class L>
void float_norm(const float* gain, const float* bias, int n, float* z) {
  const int whole = n - n % L::kWords;
  const auto plus = [](float a, float b) { return a + b; };
  auto sums = L::set_float(0), squares = L::set_float(0);
  for (int k = 0; k < whole; k += L::kWords) sums = L::add_float(sums, L::load_float(z + k));
  float sum = across<L>(sums, plus);
  for (int k = whole; k < n; ++k) sum += z[k];
  const float mean = sum / n;
  const auto less = L::set_float(-mean);
  for (int k = 0; k < whole; k += L::kWords) {
    const auto value = L::add_float(L::load_float(z + k), less);
    squares = L::times_add_float(value, value, squares);
  }
  float square = across<L>(squares, plus);
  for (int k = whole; k < n; ++k) square += (z[k] - mean) * (z[k] - mean);
  const float deviation = std::sqrt(square / n + 1e-8f);
  for (int k = 0; k < whole; k += L::kWords) {
    const auto value = L::over_float(L::add_float(L::load_float(z + k), less), L::set_float(deviation));
    L::store_float(L::times_add_float(value, L::load_float(gain + k), L::load_float(bias + k)), z + k);
  }
  for (int k = whole; k < n; ++k) z[k] = (z[k] - mean) / deviation * gain[k] + bias[k];
}
