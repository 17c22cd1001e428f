// The SRU in float32; the hybrid scheme is this with other products.
#ifndef EDGE_RNNT_FLOAT_SRU_H_
#define EDGE_RNNT_FLOAT_SRU_H_

#include "float_layer.h"

namespace edge_rnnt {

//   u, z_f, z_r, s = x W
//   f = sigmoid(LN(z_f) * gain_f + b_f);   r = sigmoid(LN(z_r) * gain_r + b_r)
//   c = clip(LN(f c + (1 - f) u) * gain_c);   h = (r tanh(c) + (1 - r)(s + b_s)) P
class FloatSRU : public Cell<float> {
 public:
  FloatSRU(const Container& file, const Layer& layer, const Kernels& kernels, Plan* plan);
  void begin(Memory) const override {}
  const float* step(Memory memory, const float* x) const override;
  const float* output(Memory memory) const override { return h_(memory); }
  int output_dim() const override { return output_dim_; }

 private:
  const Kernels& kernels_;
  const int input_dim_, cells_, output_dim_;
  const Product product_;
  std::unique_ptr<const FloatNorm> norm_, cell_norm_;
  std::vector<float> bias_s_;
  const FloatProjection projection_;
  Array<float> x_, h_, c_, z_, tanh_c_;
};

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_FLOAT_SRU_H_
