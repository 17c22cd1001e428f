#include "log_mel.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

namespace edge_rnnt {
namespace {

constexpr float kPreEmphasis = 0.97f;
constexpr double kFloor = std::numeric_limits<float>::epsilon();

// Hz -> mel: linear (3 mel per 200 Hz) up to 1 kHz, then 27 mel for each factor of 6.4.
float slaney_mel(float hz) {
  if (hz <= 1000) return hz * 3 / 200;
  return 15 + static_cast<float>(27 / std::log(6.4)) * static_cast<float>(std::log(double{hz / 1000}));
}

float slaney_hz(float mel) {
  if (mel <= 15) return static_cast<float>(200.0 / 3) * mel;
  const float x = (mel - 15) * static_cast<float>(std::log(6.4) / 27);
  return 1000 * static_cast<float>(std::exp(double{x}));
}

}  // namespace

Framing::Framing(int sample_rate)
    : window(sample_rate * 25 / 1000), hop(sample_rate / 100), left(window / 2 - hop / 2), fft(1) {
  while (fft < window) fft *= 2;
}

LogMel::LogMel(int sample_rate, int mels, float low_hz, float high_hz)
    : framing(sample_rate), num_mels(mels), window_(framing.window), fft_(framing.fft) {
  for (int n = 0; n < framing.window; ++n) {
    window_[n] = static_cast<float>(0.5 - 0.5 * std::cos(2 * M_PI * n / framing.window));
  }
  const float low = slaney_mel(low_hz), step = (slaney_mel(high_hz) - low) / (num_mels + 1);
  const float bin_hz = static_cast<float>(double(sample_rate) / framing.fft);
  for (int band = 0; band < num_mels; ++band) {
    const float left = slaney_hz(low + band * step), peak = slaney_hz(low + (band + 1) * step);
    const float right = slaney_hz(low + (band + 2) * step), height = 2 / (right - left);
    Triangle triangle{0, {}};
    for (int bin = 0; bin <= framing.fft / 2; ++bin) {
      const float hz = bin * bin_hz;
      const float side = hz <= peak ? (hz - left) / (peak - left) : (right - hz) / (right - peak);
      if (!(side > 0)) continue;
      if (triangle.weights.empty()) triangle.first_bin = bin;
      triangle.weights.push_back(side * height);
    }
    if (triangle.weights.empty()) {
      throw std::runtime_error(std::to_string(num_mels) + " mel bands are too many: band " +
                               std::to_string(band) + " falls between two bins of the FFT");
    }
    triangles_.push_back(std::move(triangle));
  }
}

void LogMel::operator()(const float* wave, double* work, float* row) const {
  double *x = work, *power = work + framing.fft;
  x[0] = 0;  // where the window is zero
  for (int n = 1; n < framing.window; ++n) {
    x[n] = double{(wave[n] - kPreEmphasis * wave[n - 1]) * window_[n]};
  }
  std::fill(x + framing.window, x + framing.fft, 0.0);
  fft_.power(x, power);
  for (int band = 0; band < num_mels; ++band) {
    const Triangle& triangle = triangles_[band];
    const double* bins = power + triangle.first_bin;
    double sum = 0;
    for (size_t k = 0; k < triangle.weights.size(); ++k) sum += double{triangle.weights[k]} * bins[k];
    row[band] = static_cast<float>(std::log(std::max(sum, kFloor)));
  }
}

}  // namespace edge_rnnt
