// LSTM and CIFG in integers only (edge_rnnt/device/integer_cells.py, bit for bit).
#ifndef EDGE_RNNT_INTEGER_LSTM_H_
#define EDGE_RNNT_INTEGER_LSTM_H_

#include "integer_layer.h"

namespace edge_rnnt {

//   a   = saturate(M_x (sum_d Wx_d x_d + b_x));   a = saturate(a + M_h (sum_p Wh_p h_p + b_h))
//   n   = layer_norm(a)                           Q3.12; without layer norm a itself
//   i, f, o = sigmoid(n);   g = tanh(n)           Q0.15
//   c   = clip(saturate(f c / 2^15 + i g / (2^30 s_c)))
//   hid = saturate(M_m o tanh(c) + zero_m),       M_m = 2^-30 / s_m
//   h   = hid, projected
class IntegerLSTM : public Cell<int8_t> {
 public:
  IntegerLSTM(const Container& file, const Layer& layer, const LayerFormats& formats,
              const Kernels& kernels, Plan* plan);
  void begin(Memory memory) const override;
  const int8_t* step(Memory memory, const int8_t* x) const override;
  const int8_t* output(Memory memory) const override { return xh_(memory) + input_dim_; }
  int output_dim() const override { return output_dim_; }

 protected:
  struct Gates {
    const int16_t *i, *f, *g, *o;  // each [cells], Q0.15
  };
  // n [gates][cells] in Q3.12 -> the gates; n may be overwritten.
  virtual Gates gates(Memory memory, int16_t* n) const;

  const Kernels& kernels_;
  const int cells_;

 private:
  const int input_dim_, output_dim_, zero_h_, zero_hidden_;
  const int clip_, cell_exponent_, integer_bits_;
  const Multiplier to_hidden_;
  const Matrix<int8_t> kernel_;
  std::unique_ptr<const Rescale> inputs_, recurrent_;
  std::unique_ptr<const GateNorm> norm_;
  const Projection projection_;
  Array<int8_t> xh_;  // x, h_{t-1}, zeros
  Array<int32_t> sums_;
  Array<int16_t> c_, n_, tanh_c_;
};

// An LSTM with i = 32767 - f, one step short of 1 - f.
class IntegerCIFG : public IntegerLSTM {
 public:
  IntegerCIFG(const Container& file, const Layer& layer, const LayerFormats& formats,
              const Kernels& kernels, Plan* plan);

 protected:
  Gates gates(Memory memory, int16_t* n) const override;

 private:
  Array<int16_t> i_;
};

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_INTEGER_LSTM_H_
