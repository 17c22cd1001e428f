// The spectrum of a real signal whose length is a power of two.
#ifndef EDGE_RNNT_FFT_H_
#define EDGE_RNNT_FFT_H_

#include <complex>
#include <vector>

namespace edge_rnnt {

class RealFFT {
 public:
  // n is a power of two, 4 or more.
  explicit RealFFT(int n);

  // power[k] = |sum_t x[t] e^(-2 pi i k t / n)|^2, k = 0 .. n/2. `x` [n] is overwritten.
  void power(double* x, double* power) const;

 private:
  void transform(std::complex<double>* z) const;

  const int half_;
  std::vector<std::complex<double>> turns_;  // e^(-2 pi i k / n), k = 0 .. n/2 - 1
  std::vector<int> reversed_;               // bits of 0 .. n/2 - 1 in reverse
};

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_FFT_H_
