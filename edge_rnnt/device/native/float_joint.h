// The joint network in float32; the hybrid scheme is this with other products.
#ifndef EDGE_RNNT_FLOAT_JOINT_H_
#define EDGE_RNNT_FLOAT_JOINT_H_

#include <vector>

#include "float_product.h"
#include "network.h"

namespace edge_rnnt {

//   scores = tanh(encoded W_e + predicted W_p + b) W_o + b_o
class FloatJoint : public Joint<float> {
 public:
  FloatJoint(const Container& file, const Kernels& kernels, Plan* plan);
  void hear(Memory memory, const float* encoded) const override;
  void expect(Memory memory, const float* predicted) const override;
  int best(Memory memory) const override;
  std::vector<double> part(Memory memory, int part) const override;

 private:
  const Kernels& kernels_;
  const int joint_dim_, vocab_size_;
  Product encoder_, prediction_, output_;
  std::vector<float> bias_, output_bias_;
  Array<float> heard_, expected_, tanh_, scores_;
};

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_FLOAT_JOINT_H_
