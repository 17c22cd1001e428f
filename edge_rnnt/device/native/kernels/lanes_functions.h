// Sigmoid and tanh on 16-bit lanes: fixed_functions.cc in arithmetic instead of a table; and in float32.
// Include within a target region, inside an anonymous namespace.

constexpr int kOne = 32767;  // 1 in Q0.15

// e^-(2^j) in Q0.15, j = -2 .. 4.
constexpr int kExpOfMinusPowers[] = {25520, 19875, 12055, 4435, 600, 11, 0};

// e^a in Q0.15 for a <= 0 in Q(m).(15-m): a = -k/4 - r; the series of e^-r around -1/8, then a factor
// e^-(2^j) for every bit j of k/4.
template <class L>
typename L::Halves exp16(typename L::Halves a, int m) {
  const int fraction_bits = 15 - m, quarter = 1 << (fraction_bits - 2);
  const auto within = L::subtract16(L::both16(a, L::set16(quarter - 1)), L::set16(quarter));
  const auto x = L::add16(L::shift_left16(within, m), L::set16(1 << 12));
  const auto x2 = L::high16(x, x), x3 = L::high16(x2, x), x4 = L::high16(x2, x2);
  const auto fourth = L::shift_right16(L::add16(x4, L::set16(2)), 2);
  const auto third = L::high16(L::add16(fourth, x3), L::set16(10923));  // 1/3
  const auto twice = L::add16(third, x2);
  const auto away = L::add16(L::set16(1), L::above16(L::set16(0), twice));  // ties away from zero
  const auto series = L::add16(x, L::shift_right16(L::add16(twice, away), 1));
  const auto base = L::set16(28918);  // e^(-1/8)
  auto result = L::add_saturate16(base, L::high16(base, series));
  const auto rest = L::subtract16(within, a);
  for (int j = -2; j < std::min(m, 5); ++j) {
    const auto without = L::equal16(L::both16(rest, L::set16(1 << (fraction_bits + j))), L::set16(0));
    const auto with = L::high16(result, L::set16(kExpOfMinusPowers[j + 2]));
    result = L::choose16(without, result, with);
  }
  if (m > 5) {
    const auto gone = L::above16(L::set16(-(32 << fraction_bits)), a);
    result = L::choose16(gone, L::set16(0), result);
  }
  return L::choose16(L::equal16(a, L::set16(0)), L::set16(kOne), result);
}

// 2 / (1 + x) in Q2.13: y_0 = 48/17 - 32/17 d, y <- y + y (1 - d y), d = (1 + x) / 2.
template <class L>
typename L::Halves reciprocal16(typename L::Halves x) {
  const auto one = L::set16(1 << 13);
  // (x + 2^15) / 2; x is not negative, and odd only where rounding down is meant.
  const auto d = L::add16(L::shift_right16(x, 1), L::set16(1 << 14));
  auto y = L::add16(L::set16(23130), L::high16(d, L::set16(-15420)));
  for (int step = 0; step < 3; ++step) {
    auto error = L::high16(y, L::subtract16(one, L::high16(d, y)));
    error = L::add_saturate16(error, error);
    y = L::add16(y, L::add_saturate16(error, error));
  }
  return y;
}

// -|a|, which unlike |a| there always is.
template <class L>
typename L::Halves minus_size(typename L::Halves a) {
  return L::least16(a, L::subtract16(L::set16(0), a));
}

template <class L>
void sigmoid16(const int16_t* from, int n, int16_t* y) {
  int k = 0;
  for (; k + L::kHalves <= n; k += L::kHalves) {
    const auto a = L::load16(from + k);
    const auto half = reciprocal16<L>(exp16<L>(minus_size<L>(a), 3));
    const auto above = L::add_saturate16(half, half);
    auto result = L::subtract16(L::set16(kOne), above);
    result = L::choose16(L::above16(a, L::set16(0)), above, result);
    L::store16(L::choose16(L::equal16(a, L::set16(0)), L::set16(1 << 14), result), y + k);
  }
  scalar_kernels().sigmoid(from + k, n - k, y + k);
}

template <class L>
void tanh16(const int16_t* from, int m, int n, int16_t* y) {
  int k = 0;
  for (; k + L::kHalves <= n; k += L::kHalves) {
    const auto a = L::load16(from + k);
    // The same 16 bits with one integer bit more are twice the number.
    auto size = L::subtract16(reciprocal16<L>(exp16<L>(minus_size<L>(a), m + 1)), L::set16(1 << 13));
    size = L::add_saturate16(size, size);
    size = L::add_saturate16(size, size);
    const auto negative = L::subtract16(L::set16(0), size);
    auto result = L::choose16(L::above16(L::set16(0), a), negative, size);
    L::store16(L::choose16(L::equal16(a, L::set16(0)), L::set16(0), result), y + k);
  }
  scalar_kernels().tanh(from + k, m, n - k, y + k);
}

// e^x for -87 <= x <= 87, within 2e-7 of itself: x = k ln 2 + r, |r| <= ln 2 / 2; Taylor's series of e^r.
template <class L>
typename L::Floats exp_float(typename L::Floats x) {
  const auto k = L::round_float(L::times_float(x, L::set_float(1.44269504f)));
  const auto whole = L::to_float(k);
  auto r = L::times_add_float(whole, L::set_float(-0.693359375f), x);  // ln 2 in two parts
  r = L::times_add_float(whole, L::set_float(2.12194440e-4f), r);
  auto series = L::set_float(1.0f / 5040);
  for (const float term : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f}) {
    series = L::times_add_float(series, r, L::set_float(term));
  }
  return L::times_float(series, L::power_of_two(k));
}

// 1 / (1 + e^-x).
template <class L>
typename L::Floats sigmoid_of(typename L::Floats x) {
  const auto tamed = L::most_float(L::least_float(x, L::set_float(87)), L::set_float(-87));
  const auto e = exp_float<L>(L::times_float(tamed, L::set_float(-1)));
  return L::over_float(L::set_float(1), L::add_float(L::set_float(1), e));
}

template <class L>
void float_sigmoid(int n, float* x) {
  int k = 0;
  for (; k + L::kWords <= n; k += L::kWords) {
    L::store_float(sigmoid_of<L>(L::load_float(x + k)), x + k);
  }
  scalar_kernels().float_sigmoid(n - k, x + k);
}

// 2 sigmoid(2 x) - 1: within 2e-7 of 1, which is what a cell's update can feel.
template <class L>
void float_tanh(int n, float* x) {
  int k = 0;
  for (; k + L::kWords <= n; k += L::kWords) {
    const auto s = sigmoid_of<L>(L::times_float(L::load_float(x + k), L::set_float(2)));
    L::store_float(L::times_add_float(s, L::set_float(2), L::set_float(-1)), x + k);
  }
  scalar_kernels().float_tanh(n - k, x + k);
}
