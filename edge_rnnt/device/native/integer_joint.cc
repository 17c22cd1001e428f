#include "integer_joint.h"

#include <algorithm>

#include "kernels/fixed_functions.h"
#include "weights.h"

namespace edge_rnnt {
namespace {

constexpr float kQ3_12 = 1.0f / 4096;

std::unique_ptr<const Rescale> rescale(const Container& file, const std::string& name,
                                       const Matrix<int8_t>& w, Format read,
                                       const std::vector<int32_t>& bias, const Kernels& kernels) {
  const float scale = file.values<float>(name + ".scale", {1})[0] * read.scale / kQ3_12;
  return std::make_unique<Rescale>(w, 0, w.inputs, read.zero, bias, std::vector{scale}, kernels);
}

}  // namespace

IntegerJoint::IntegerJoint(const Container& file, Format encoded, Format predicted,
                           const Kernels& kernels, Plan* plan)
    : kernels_(kernels),
      joint_dim_(file.joint_dim),
      vocab_size_(file.vocab_size),
      encoder_(read_matrix<int8_t>(file, "joint/encoder", file.encoder.back().output_dim(),
                                   joint_dim_)),
      prediction_(read_matrix<int8_t>(file, "joint/prediction",
                                      file.prediction.back().output_dim(), joint_dim_)),
      output_(read_matrix<int8_t>(file, "joint/output_kernel", joint_dim_, vocab_size_)),
      from_encoder_(rescale(file, "joint/encoder", encoder_, encoded, {}, kernels)),
      from_prediction_(rescale(file, "joint/prediction", prediction_, predicted,
                               file.values<int32_t>("joint/bias", {joint_dim_}), kernels)),
      output_bias_(file.values<int32_t>("joint/output_bias", {vocab_size_})),
      heard_(plan->keep<int32_t>(joint_dim_)),
      expected_(plan->keep<int32_t>(joint_dim_)),
      sums_(plan->scratch<int32_t>(std::max(encoder_.stride(), prediction_.stride()))),
      scores_(plan->scratch<int32_t>(output_.stride())),
      sum_(plan->scratch<int16_t>(joint_dim_)),
      tanh_(plan->scratch<int8_t>(joint_dim_)) {
  tanh_table(3);  // made now, not in the middle of the first utterance
}

void IntegerJoint::hear(Memory memory, const int8_t* encoded) const {
  kernels_.int8_product(encoder_, encoded, sums_(memory));
  from_encoder_->into32(sums_(memory), heard_(memory));
}

void IntegerJoint::expect(Memory memory, const int8_t* predicted) const {
  kernels_.int8_product(prediction_, predicted, sums_(memory));
  from_prediction_->into32(sums_(memory), expected_(memory));
}

int IntegerJoint::best(Memory memory) const {
  const int32_t *e = heard_(memory), *p = expected_(memory);
  int16_t* sum = sum_(memory);
  int8_t* t = tanh_(memory);
  int32_t* scores = scores_(memory);
  for (int k = 0; k < joint_dim_; ++k) {
    sum[k] = static_cast<int16_t>(saturate(int64_t{e[k]} + p[k], 16));
  }
  kernels_.tanh(sum, 3, joint_dim_, sum);
  for (int k = 0; k < joint_dim_; ++k) {
    t[k] = static_cast<int8_t>(saturate(rounding_divide(sum[k], 8), 8));
  }
  kernels_.int8_product(output_, t, scores);
  for (int v = 0; v < vocab_size_; ++v) scores[v] += output_bias_[v];
  return static_cast<int>(std::max_element(scores, scores + vocab_size_) - scores);
}

std::vector<double> IntegerJoint::part(Memory memory, int part) const {
  if (part < 0 || part > 2) return {};
  if (part == 2) best(memory);
  const int32_t* row = (part == 0 ? heard_ : part == 1 ? expected_ : scores_)(memory);
  return {row, row + (part == 2 ? vocab_size_ : joint_dim_)};
}

}  // namespace edge_rnnt
