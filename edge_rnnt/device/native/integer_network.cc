#include "integer_network.h"

#include <algorithm>
#include <cmath>

#include "integer_joint.h"
#include "integer_lstm.h"
#include "integer_sru.h"

namespace edge_rnnt {
namespace {

// clip(round(x * (1 / scale)) + zero, -128, 127), the only step on floats; ties go to even.
class IntegerEntrance : public Entrance<int8_t> {
 public:
  IntegerEntrance(Format format, int width)
      : inverse_(1.0f / format.scale), zero_(static_cast<float>(format.zero)), width_(width) {}

  void enter(const float* features, int8_t* row) const override {
    for (int k = 0; k < width_; ++k) {
      const float rounded = std::nearbyint(features[k] * inverse_) + zero_;
      row[k] = static_cast<int8_t>(std::min(std::max(-128.0f, rounded), 127.0f));
    }
  }

 private:
  const float inverse_, zero_;
  const int width_;
};

class IntegerEmbedding : public Embedding<int8_t> {
 public:
  explicit IntegerEmbedding(const Container& file)
      : width_(file.embedding_dim),
        table_(file.place<int8_t>("prediction/embedding", {file.vocab_size, width_})) {}

  const int8_t* row(Memory, int label) const override { return table_ + int64_t{label} * width_; }

 private:
  const int width_;
  const int8_t* table_;
};

// Cells on top of each other; `format`, of what they read, becomes that of what they give.
Stack<int8_t> stack(const Container& file, const std::vector<Layer>& layers, const Kernels& kernels,
                    Format* format, Plan* plan) {
  Stack<int8_t> cells;
  for (const Layer& layer : layers) {
    const LayerFormats formats(file, layer, *format);
    plan->reuse_scratch();
    if (layer.cell == "lstm") {
      cells.push_back(std::make_unique<IntegerLSTM>(file, layer, formats, kernels, plan));
    } else if (layer.cell == "cifg") {
      cells.push_back(std::make_unique<IntegerCIFG>(file, layer, formats, kernels, plan));
    } else {
      cells.push_back(std::make_unique<IntegerSRU>(file, layer, formats, kernels, plan));
    }
    *format = formats.output;
  }
  return cells;
}

}  // namespace

Network<int8_t> integer_network(const Container& file, const Kernels& kernels, Plan* plan) {
  Network<int8_t> network;
  Format encoded = stored_format(file, "encoder/layer_0/input");
  network.entrance = std::make_unique<IntegerEntrance>(encoded, file.feature_dim);
  network.encoder = stack(file, file.encoder, kernels, &encoded, plan);
  Format predicted = {file.values<float>("prediction/embedding.scale", {1})[0], 0};
  network.embedding = std::make_unique<IntegerEmbedding>(file);
  network.prediction = stack(file, file.prediction, kernels, &predicted, plan);
  plan->reuse_scratch();
  network.joint = std::make_unique<IntegerJoint>(file, encoded, predicted, kernels, plan);
  return network;
}

}  // namespace edge_rnnt
