// The integer kernels between the products, written once for every vector type L (lanes_avx2.h,
// lanes_neon.h); the formulas are those of scalar.cc. What is left over at the end of a row, and
// factors of 1 or more, go to the scalar kernels.
// Include within a target region, inside an anonymous namespace.

// x / 2^exponent, ties away from zero, with nothing that could overflow:
// the quotient rounded down, and one more where the remainder is over a half (negative: over or at).
template <class L>
typename L::Words divide(typename L::Words x, int exponent) {
  if (!exponent) return x;
  const int32_t mask = static_cast<int32_t>((int64_t{1} << exponent) - 1);
  const auto negative = L::above(L::set(0), x);
  const auto threshold = L::subtract(L::set(mask >> 1), negative);
  const auto up = L::above(L::both(x, L::set(mask)), threshold);
  return L::subtract(L::shift_right(x, exponent), up);
}

// x times a factor below 1, rounded twice.
template <class L>
typename L::Words scale(typename L::Words x, Multiplier factor) {
  return divide<L>(L::high(x, L::set(static_cast<int32_t>(factor.mantissa))), -factor.shift);
}

// Into a range in which something small may be added, and beyond any narrow type's.
template <class L>
typename L::Words tame(typename L::Words x) {
  return L::most(L::least(x, L::set(1 << 24)), L::set(-(1 << 24)));
}

template <class L>
void rescale16(const int32_t* sums, const int32_t* bias, Multiplier factor, bool add, int n,
               int16_t* y) {
  int k = 0;
  if (factor.shift <= 0) {
    for (; k + L::kWords <= n; k += L::kWords) {
      auto value = scale<L>(L::add(L::load(sums + k), L::load(bias + k)), factor);
      if (add) value = L::add(tame<L>(value), L::widen(y + k));
      L::narrow(value, y + k);
    }
  }
  scalar_kernels().rescale16(sums + k, bias + k, factor, add, n - k, y + k);
}

template <class L>
void rescale8(const int32_t* sums, const int32_t* bias, Multiplier factor, int zero, int n,
              int8_t* y) {
  int k = 0;
  if (factor.shift <= 0) {
    for (; k + L::kWords <= n; k += L::kWords) {
      const auto value = scale<L>(L::add(L::load(sums + k), L::load(bias + k)), factor);
      L::narrow(L::add(tame<L>(value), L::set(zero)), y + k);
    }
  }
  scalar_kernels().rescale8(sums + k, bias + k, factor, zero, n - k, y + k);
}

struct Range {
  int16_t low = 32767, high = -32768;
};

template <class L>
Range range_of(const int16_t* a, int n) {
  auto low = L::set16(32767), high = L::set16(-32768);
  int k = 0;
  for (; k + L::kHalves <= n; k += L::kHalves) {
    low = L::least16(low, L::load16(a + k)), high = L::most16(high, L::load16(a + k));
  }
  int16_t lows[L::kHalves], highs[L::kHalves];
  L::store16(low, lows), L::store16(high, highs);
  Range range{*std::min_element(lows, lows + L::kHalves),
              *std::max_element(highs, highs + L::kHalves)};
  for (; k < n; ++k) range = {std::min(range.low, a[k]), std::max(range.high, a[k])};
  return range;
}

template <class L>
void integer_norm(const IntegerNorm& norm, int n, int16_t* a) {
  const int whole = n - n % L::kHalves;
  int64_t sum = 0, squares = 0;
  L::sums(a, whole, &sum, &squares);
  for (int k = whole; k < n; ++k) sum += a[k], squares += int64_t{a[k]} * a[k];
  const Moments m = moments(sum, squares, n, norm.guard);
  // Up to 32 deviations from the mean, r * gain + bias fits 32 bits.
  const Range range = range_of<L>(a, n);
  const int64_t farthest =
      std::max(1024 * int64_t{range.high} - m.mean, m.mean - 1024 * int64_t{range.low});
  if (norm.rescale.shift > 0 || multiply(farthest, m.inverse) > 32766) {
    return scalar_kernels().integer_norm(norm, n, a);
  }
  const auto mean = L::set(static_cast<int32_t>(m.mean));
  const auto one = [&](typename L::Words value, typename L::Words gain, typename L::Words bias) {
    const auto r = scale<L>(L::subtract(L::times(value, L::set(1024)), mean), m.inverse);
    return scale<L>(divide<L>(L::add(L::times(r, gain), bias), 10), norm.rescale);
  };
  for (int k = 0; k < whole; k += L::kWords) {
    L::narrow(one(L::widen(a + k), L::widen(norm.gain + k), L::load(norm.bias + k)), a + k);
  }
  for (int k = whole; k < n; ++k) {
    const int64_t r = multiply(1024 * int64_t{a[k]} - m.mean, m.inverse);
    const int64_t v = rounding_divide(r * norm.gain[k] + norm.bias[k], 10);
    a[k] = static_cast<int16_t>(saturate(multiply(v, norm.rescale), 16));
  }
}

template <class L>
void update_cell(const int16_t* i, const int16_t* f, const int16_t* g, int exponent, int clip, int n,
                 int16_t* c) {
  int k = 0;
  for (; k + L::kWords <= n; k += L::kWords) {
    const auto fresh = divide<L>(L::times(L::widen(i + k), L::widen(g + k)), exponent);
    const auto kept = divide<L>(L::times(L::widen(f + k), L::widen(c + k)), 15);
    const auto sum = L::add(kept, fresh);
    L::narrow(L::most(L::least(sum, L::set(clip)), L::set(-clip)), c + k);
  }
  scalar_kernels().update_cell(i + k, f + k, g + k, exponent, clip, n - k, c + k);
}

template <class L>
void take_hidden(const int16_t* o, const int16_t* t, Multiplier factor, int zero, int n, int8_t* y) {
  int k = 0;
  if (factor.shift <= 0) {
    for (; k + L::kWords <= n; k += L::kWords) {
      const auto value = scale<L>(L::times(L::widen(o + k), L::widen(t + k)), factor);
      L::narrow(L::add(tame<L>(value), L::set(zero)), y + k);
    }
  }
  scalar_kernels().take_hidden(o + k, t + k, factor, zero, n - k, y + k);
}

template <class L>
void mix_cell(const int16_t* f, const int16_t* u, int n, int16_t* c) {
  int k = 0;
  for (; k + L::kWords <= n; k += L::kWords) {
    const auto forget = L::widen(f + k);
    const auto kept = L::times(forget, L::widen(c + k));
    const auto fresh = L::times(L::subtract(L::set(32767), forget), L::widen(u + k));
    L::narrow(divide<L>(L::add(kept, fresh), 15), c + k);
  }
  scalar_kernels().mix_cell(f + k, u + k, n - k, c + k);
}

template <class L>
void take_highway(const int16_t* r, const int16_t* t, const int16_t* s, Multiplier taken,
                  Multiplier highway, int zero, int n, int8_t* y) {
  int k = 0;
  if (taken.shift <= 0 && highway.shift <= 0) {
    for (; k + L::kWords <= n; k += L::kWords) {
      const auto reset = L::widen(r + k);
      const auto own = scale<L>(L::times(reset, L::widen(t + k)), taken);
      const auto past = L::times(L::subtract(L::set(32767), reset), L::widen(s + k));
      const auto sum = L::add(own, scale<L>(past, highway));
      L::narrow(L::add(tame<L>(sum), L::set(zero)), y + k);
    }
  }
  scalar_kernels().take_highway(r + k, t + k, s + k, taken, highway, zero, n - k, y + k);
}
