#include "float_network.h"

#include <algorithm>

#include "float_joint.h"
#include "float_lstm.h"
#include "float_sru.h"

namespace edge_rnnt {
namespace {

class FloatEntrance : public Entrance<float> {
 public:
  explicit FloatEntrance(int width) : width_(width) {}
  void enter(const float* features, float* row) const override {
    std::copy_n(features, width_, row);
  }

 private:
  const int width_;
};

class FloatEmbedding : public Embedding<float> {
 public:
  explicit FloatEmbedding(const Container& file)
      : width_(file.embedding_dim),
        table_(file.place<float>("prediction/embedding", {file.vocab_size, width_})) {}
  const float* row(Memory, int label) const override { return table_ + int64_t{label} * width_; }

 private:
  const int width_;
  const float* table_;
};

class HybridEmbedding : public Embedding<float> {
 public:
  HybridEmbedding(const Container& file, Plan* plan)
      : width_(file.embedding_dim),
        table_(file.place<int8_t>("prediction/embedding", {file.vocab_size, width_})),
        scale_(file.values<float>("prediction/embedding.scale", {1})[0]),
        row_(plan->keep<float>(width_)) {}

  const float* row(Memory memory, int label) const override {
    float* row = row_(memory);
    for (int k = 0; k < width_; ++k) row[k] = table_[int64_t{label} * width_ + k] * scale_;
    return row;
  }

 private:
  const int width_;
  const int8_t* table_;
  const float scale_;
  const Array<float> row_;
};

Stack<float> stack(const Container& file, const std::vector<Layer>& layers, const Kernels& kernels,
                   Plan* plan) {
  Stack<float> cells;
  for (const Layer& layer : layers) {
    plan->reuse_scratch();
    if (layer.cell == "lstm") {
      cells.push_back(std::make_unique<FloatLSTM>(file, layer, kernels, plan));
    } else if (layer.cell == "cifg") {
      cells.push_back(std::make_unique<FloatCIFG>(file, layer, kernels, plan));
    } else {
      cells.push_back(std::make_unique<FloatSRU>(file, layer, kernels, plan));
    }
  }
  return cells;
}

}  // namespace

Network<float> float_network(const Container& file, const Kernels& kernels, Plan* plan) {
  Network<float> network;
  network.entrance = std::make_unique<FloatEntrance>(file.feature_dim);
  network.encoder = stack(file, file.encoder, kernels, plan);
  if (file.scheme == "hybrid") {
    network.embedding = std::make_unique<HybridEmbedding>(file, plan);
  } else {
    network.embedding = std::make_unique<FloatEmbedding>(file);
  }
  network.prediction = stack(file, file.prediction, kernels, plan);
  plan->reuse_scratch();
  network.joint = std::make_unique<FloatJoint>(file, kernels, plan);
  return network;
}

}  // namespace edge_rnnt
