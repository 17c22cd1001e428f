// A window of samples -> log-mel energies (edge_rnnt/audio/logmel.py).
#ifndef EDGE_RNNT_LOG_MEL_H_
#define EDGE_RNNT_LOG_MEL_H_

#include <cstdint>
#include <vector>

#include "fft.h"

namespace edge_rnnt {

// Where frames lie, in samples: frame f has its middle in the middle of hop f.
struct Framing {
  explicit Framing(int sample_rate);
  // Frames of a finished utterance: its length in hops, rounded half up.
  int64_t count(int64_t samples) const { return (samples + hop / 2) / hop; }
  // Samples from the start of one frame to the end of the last of so many.
  int64_t span(int64_t frames) const { return (frames - 1) * hop + window; }

  int window, hop, left, fft;  // left: by how much frame 0 begins before the audio
};

//   e[n] = x[n] - 0.97 x[n-1];   P = |FFT(hann * e)|^2;   row = log(max(W P, eps))
// From the FFT on in 64 bits, so that the row is the reference's whoever's FFT and logarithm it is.
// W are Slaney's mel triangles of unit area, with the lower edge of the first at low_hz and the
// upper edge of the last at high_hz.
class LogMel {
 public:
  // Throws std::runtime_error if a band lies between two bins of the FFT and would hear nothing.
  LogMel(int sample_rate, int num_mels, float low_hz, float high_hz);

  // wave [framing.window] -> row [num_mels]; `work` [2 framing.fft] is overwritten.
  void operator()(const float* wave, double* work, float* row) const;

  const Framing framing;
  const int num_mels;

 private:
  struct Triangle {
    int first_bin;
    std::vector<float> weights;
  };

  std::vector<float> window_;
  std::vector<Triangle> triangles_;
  RealFFT fft_;
};

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_LOG_MEL_H_
