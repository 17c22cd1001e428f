// The joint network in integers (edge_rnnt/device/integer_network.py, bit for bit).
#ifndef EDGE_RNNT_INTEGER_JOINT_H_
#define EDGE_RNNT_INTEGER_JOINT_H_

#include "container.h"
#include "network.h"
#include "rescale.h"

namespace edge_rnnt {

//   e = M_e (sum W_e encoded - zero sum W_e)                            Q3.12, in 32 bits
//   p = M_p (sum W_p predicted - zero sum W_p + bias)                   Q3.12, in 32 bits
//   t = saturate(rounding_divide(tanh(saturate(e + p, 16)), 8), 8)      Q0.7
//   score = sum W_o t + bias                                            in 32 bits
class IntegerJoint : public Joint<int8_t> {
 public:
  IntegerJoint(const Container& file, Format encoded, Format predicted, const Kernels& kernels,
               Plan* plan);
  void hear(Memory memory, const int8_t* encoded) const override;
  void expect(Memory memory, const int8_t* predicted) const override;
  int best(Memory memory) const override;
  std::vector<double> part(Memory memory, int part) const override;

 private:
  const Kernels& kernels_;
  const int joint_dim_, vocab_size_;
  const Matrix<int8_t> encoder_, prediction_, output_;
  std::unique_ptr<const Rescale> from_encoder_, from_prediction_;
  std::vector<int32_t> output_bias_;
  Array<int32_t> heard_, expected_, sums_, scores_;
  Array<int16_t> sum_;
  Array<int8_t> tanh_;
};

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_INTEGER_JOINT_H_
