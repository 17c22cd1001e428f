// LSTM and CIFG in float32; the hybrid scheme is these with other products.
#ifndef EDGE_RNNT_FLOAT_LSTM_H_
#define EDGE_RNNT_FLOAT_LSTM_H_

#include "float_layer.h"

namespace edge_rnnt {

//   z = x W + h R;   n = LN(z) * gain + bias
//   i, f, o = sigmoid(n);   g = tanh(n)
//   c = clip(f c + i g);   h = (o tanh(c)) P
class FloatLSTM : public Cell<float> {
 public:
  FloatLSTM(const Container& file, const Layer& layer, const Kernels& kernels, Plan* plan);
  void begin(Memory) const override {}
  const float* step(Memory memory, const float* x) const override;
  const float* output(Memory memory) const override { return xh_(memory) + input_dim_; }
  int output_dim() const override { return output_dim_; }

 protected:
  // n [gates][cells] and c_{t-1} -> f c + i g in c; returns o.
  virtual const float* update(float* n, float* c) const;

  const Kernels& kernels_;
  const int cells_;

 private:
  const int input_dim_, output_dim_;
  const Product product_;
  std::unique_ptr<const FloatNorm> norm_;
  const FloatProjection projection_;
  Array<float> xh_;  // x, h_{t-1}, zeros
  Array<float> c_, n_, tanh_c_;
};

// An LSTM with i = 1 - f; gates f g o.
class FloatCIFG : public FloatLSTM {
 public:
  using FloatLSTM::FloatLSTM;

 protected:
  const float* update(float* n, float* c) const override;
};

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_FLOAT_LSTM_H_
