// The encoder with its time reduction, frame by frame (EncoderStream in edge_rnnt/device/network.py).
#ifndef EDGE_RNNT_ENCODER_H_
#define EDGE_RNNT_ENCODER_H_

#include <algorithm>
#include <vector>

#include "container.h"
#include "network.h"

namespace edge_rnnt {

// Layers 0 .. below - 1 run on every frame, the others on `reduction` joined neighbours. An encoded
// row comes out when its group of frames is complete.
template <class T>
class Encoder {
 public:
  Encoder(const Container& file, const Network<T>& network, Plan* plan)
      : network_(network),
        below_(file.time_reduction_after),
        reduction_(file.time_reduction),
        width_(below_ ? file.encoder[below_ - 1].output_dim() : file.feature_dim),
        silence_(file.feature_dim),
        entered_(plan->keep<T>(file.feature_dim)),
        joined_(plan->keep<T>(size_t(width_) * reduction_)),
        waiting_(plan->keep<int>(1)) {}

  void begin(Memory memory) const {
    for (const auto& cell : network_.encoder) cell->begin(memory);
  }

  // The next frame -> an encoded row, or nullptr if its group is not full.
  const T* accept(Memory memory, const float* features) const {
    T *entered = entered_(memory), *joined = joined_(memory);
    network_.entrance->enter(features, entered);
    const T* row = run(network_.encoder, 0, below_, memory, entered);
    int& waiting = *waiting_(memory);
    std::copy_n(row, width_, joined + size_t(waiting) * width_);
    if (++waiting < reduction_) return nullptr;
    waiting = 0;
    return run(network_.encoder, below_, network_.encoder.size(), memory, joined);
  }

  // Whether a group has begun and is not full.
  bool waits(Memory memory) const { return *waiting_(memory) > 0; }
  // What fills it up when the audio has ended: a frame of zeros.
  const float* silence() const { return silence_.data(); }

 private:
  const Network<T>& network_;
  const size_t below_;
  const int reduction_, width_;
  const std::vector<float> silence_;
  const Array<T> entered_, joined_;
  const Array<int> waiting_;
};

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_ENCODER_H_
