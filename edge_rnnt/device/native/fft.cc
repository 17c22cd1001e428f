#include "fft.h"

#include <cmath>
#include <utility>

namespace edge_rnnt {
namespace {

using Complex = std::complex<double>;

// The plain product; std::complex's own looks after infinities, which costs a branch.
Complex times(Complex a, Complex b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

}  // namespace

RealFFT::RealFFT(int n) : half_(n / 2), turns_(n / 2), reversed_(n / 2) {
  for (int k = 0; k < half_; ++k) {
    const double angle = -2 * M_PI * k / n;
    turns_[k] = {std::cos(angle), std::sin(angle)};
    reversed_[k] = reversed_[k / 2] / 2 + (k % 2 ? half_ / 2 : 0);
  }
}

// Cooley and Tukey's, radix 2, in place: z[k] <- sum_t z[t] e^(-2 pi i k t / (n/2)).
void RealFFT::transform(Complex* z) const {
  for (int k = 0; k < half_; ++k) {
    if (k < reversed_[k]) std::swap(z[k], z[reversed_[k]]);
  }
  for (int span = 1; span < half_; span *= 2) {
    const int stride = half_ / span;  // turns_ has twice as many steps as this transform
    for (int begin = 0; begin < half_; begin += 2 * span) {
      for (int k = 0; k < span; ++k) {
        const Complex a = z[begin + k], b = times(turns_[k * stride], z[begin + k + span]);
        z[begin + k] = a + b;
        z[begin + k + span] = a - b;
      }
    }
  }
}

// Even samples as real parts and odd ones as imaginary parts make one transform of half the length:
//   E[k] = (Z[k] + conj Z[n/2-k]) / 2,   O[k] = -i (Z[k] - conj Z[n/2-k]) / 2,
//   X[k] = E[k] + e^(-2 pi i k / n) O[k],   X[n/2] = E[0] - O[0].
void RealFFT::power(double* x, double* power) const {
  Complex* z = reinterpret_cast<Complex*>(x);  // as the standard lets arrays of complex be read
  transform(z);
  const double even = z[0].real(), odd = z[0].imag();
  power[0] = (even + odd) * (even + odd);
  power[half_] = (even - odd) * (even - odd);
  for (int k = 1; k < half_; ++k) {
    const Complex mirrored = std::conj(z[half_ - k]);
    const Complex e = 0.5 * (z[k] + mirrored), d = 0.5 * (z[k] - mirrored);
    const Complex spectrum = e + times(turns_[k], {d.imag(), -d.real()});
    power[k] = spectrum.real() * spectrum.real() + spectrum.imag() * spectrum.imag();
  }
}

}  // namespace edge_rnnt
