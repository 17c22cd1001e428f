// Audio in pieces -> the rows of features that a model reads (edge_rnnt/audio/frontend.py): log-mel,
// normalized, stacked. A stream gives the same bits for audio in one piece and in any others.
#ifndef EDGE_RNNT_FRONT_END_H_
#define EDGE_RNNT_FRONT_END_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "json.h"
#include "log_mel.h"

namespace edge_rnnt {

// Settings, and what is computed from them once.
class FrontEnd {
 public:
  // Throws std::runtime_error, saying which setting cannot be.
  explicit FrontEnd(const Json& settings);

  int64_t feature_dim() const { return int64_t{stack} * log_mel->num_mels; }
  // Seconds from one row of features to the next.
  double row_seconds() const { return 0.01 * stride; }
  // z = (frame - mean) / std, clipped to +-clip; in place.
  void normalize(float* frame) const;

  int sample_rate, stack, stride;
  int64_t tail;  // zeros after the audio, in samples
  std::optional<LogMel> log_mel;

 private:
  std::vector<float> mean_, std_;  // empty: no normalization
  float clip_ = 0;                 // 0: none
};

class FrontEndStream {
 public:
  explicit FrontEndStream(const FrontEnd& front_end);

  // A fresh utterance.
  void begin();
  // More audio; calls use(row) with every row [feature_dim] that it completes.
  template <class Use>
  void accept(const float* samples, size_t count, Use use) {
    while (count) {
      const size_t taken = fill(samples, count);
      samples += taken, count -= taken;
      if (const float* row = next_row()) use(row);
    }
  }
  // The audio has ended: its last rows, those of the tail and of frames over the edge.
  template <class Use>
  void finish(Use use) {
    const float zero = 0;
    // None follow an utterance that never began.
    const int64_t tail = heard_ ? front_end_.tail : 0;
    for (int64_t k = 0; k < tail; ++k) accept(&zero, 1, use);
    const int64_t missing = mirror_end();
    for (int64_t k = 0; k < missing; ++k) {
      if (const float* row = push_frame(ending_.data() + k * framing_.hop)) use(row);
    }
  }

 private:
  // Takes samples up to the end of the next frame; returns how many it took.
  size_t fill(const float* samples, size_t count);
  // The row that is complete after `fill`, or nullptr.
  const float* next_row();
  // Lays out the frames that stick out at the end; returns how many there are.
  int64_t mirror_end();
  const float* push_frame(const float* wave);

  const FrontEnd& front_end_;
  const Framing& framing_;
  std::vector<float> wave_;     // from the start of the next frame on
  std::vector<float> ending_;   // the same at the end, with its mirror image
  std::vector<double> work_;
  std::vector<float> stacked_;  // the last `stack` frames
  int filled_ = 0;              // samples in wave_
  bool begun_ = false;          // whether wave_ starts with the mirrored beginning
  int64_t heard_ = 0, frames_ = 0;  // samples and frames so far
  int skip_ = 0;                // frames before the one that completes the next row
};

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_FRONT_END_H_
