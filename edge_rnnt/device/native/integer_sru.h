// The SRU in integers only (edge_rnnt/device/integer_sru.py, bit for bit).
#ifndef EDGE_RNNT_INTEGER_SRU_H_
#define EDGE_RNNT_INTEGER_SRU_H_

#include "integer_layer.h"

namespace edge_rnnt {

//   a   = saturate(M_x (sum_d W_d x_d + b_x))         u f r s, each in its own scale
//   f, r = sigmoid(layer_norm(a_f, a_r))              Q0.15
//   m   = saturate((f c + (32767 - f) u) / 2^15)
//   c   = clip(layer_norm(m))
//   hid = saturate(M_1 r tanh(c) + M_2 (32767 - r) s + zero_m),   M_1 = 2^-30 / s_m
//   h   = hid, projected                                          M_2 = 2^-15 s_s / s_m
class IntegerSRU : public Cell<int8_t> {
 public:
  IntegerSRU(const Container& file, const Layer& layer, const LayerFormats& formats,
             const Kernels& kernels, Plan* plan);
  void begin(Memory) const override {}
  const int8_t* step(Memory memory, const int8_t* x) const override;
  const int8_t* output(Memory memory) const override { return h_(memory); }
  int output_dim() const override { return output_dim_; }

 private:
  const Kernels& kernels_;
  const int input_dim_, cells_, output_dim_, clip_, integer_bits_, zero_hidden_;
  const Multiplier taken_, highway_;
  const Matrix<int8_t> kernel_;
  std::unique_ptr<const Rescale> inputs_;
  std::unique_ptr<const GateNorm> norm_, cell_norm_;
  const Projection projection_;
  Array<int8_t> x_, h_;
  Array<int32_t> sums_;
  Array<int16_t> c_, a_, tanh_c_;
};

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_INTEGER_SRU_H_
