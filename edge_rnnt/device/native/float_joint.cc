#include "float_joint.h"

#include <algorithm>

namespace edge_rnnt {

FloatJoint::FloatJoint(const Container& file, const Kernels& kernels, Plan* plan)
    : kernels_(kernels),
      joint_dim_(file.joint_dim),
      vocab_size_(file.vocab_size),
      encoder_(matrix_product(file, "joint/encoder", file.encoder.back().output_dim(), joint_dim_,
                              kernels, plan)),
      prediction_(matrix_product(file, "joint/prediction", file.prediction.back().output_dim(),
                                 joint_dim_, kernels, plan)),
      output_(matrix_product(file, "joint/output_kernel", joint_dim_, vocab_size_, kernels, plan)),
      bias_(file.values<float>("joint/bias", {joint_dim_})),
      output_bias_(file.values<float>("joint/output_bias", {vocab_size_})),
      heard_(plan->keep<float>(joint_dim_)),
      expected_(plan->keep<float>(joint_dim_)),
      tanh_(plan->scratch<float>(joint_dim_)),
      scores_(plan->scratch<float>(vocab_size_)) {}

void FloatJoint::hear(Memory memory, const float* encoded) const {
  (*encoder_)(memory, encoded, heard_(memory));
}

void FloatJoint::expect(Memory memory, const float* predicted) const {
  float* expected = expected_(memory);
  (*prediction_)(memory, predicted, expected);
  for (int k = 0; k < joint_dim_; ++k) expected[k] += bias_[k];
}

int FloatJoint::best(Memory memory) const {
  const float *e = heard_(memory), *p = expected_(memory);
  float *t = tanh_(memory), *scores = scores_(memory);
  for (int k = 0; k < joint_dim_; ++k) t[k] = e[k] + p[k];
  kernels_.float_tanh(joint_dim_, t);
  (*output_)(memory, t, scores);
  for (int v = 0; v < vocab_size_; ++v) scores[v] += output_bias_[v];
  return static_cast<int>(std::max_element(scores, scores + vocab_size_) - scores);
}

std::vector<double> FloatJoint::part(Memory memory, int part) const {
  if (part < 0 || part > 2) return {};
  if (part == 2) best(memory);
  const float* row = (part == 0 ? heard_ : part == 1 ? expected_ : scores_)(memory);
  return {row, row + (part == 2 ? vocab_size_ : joint_dim_)};
}

}  // namespace edge_rnnt
