#include "float_lstm.h"

#include <algorithm>

namespace edge_rnnt {

FloatLSTM::FloatLSTM(const Container& file, const Layer& layer, const Kernels& kernels, Plan* plan)
    : kernels_(kernels),
      cells_(layer.cells),
      input_dim_(layer.input_dim),
      output_dim_(layer.output_dim()),
      product_(kernel_product(file, layer, kernels, plan)),
      projection_(file, layer, kernels, plan),
      xh_(plan->keep<float>(product_->inputs())),
      c_(plan->keep<float>(cells_)),
      n_(plan->scratch<float>(product_->outputs())),
      tanh_c_(plan->scratch<float>(cells_)) {
  const int outputs = layer.gates() * cells_;
  std::vector<float> gain;
  if (layer.layer_norm) gain = file.values<float>(layer.path + "/gain", {outputs});
  norm_ = std::make_unique<FloatNorm>(
      gain, file.values<float>(layer.path + "/bias", {outputs}), cells_, kernels);
}

const float* FloatLSTM::step(Memory memory, const float* x) const {
  float *xh = xh_(memory), *h = xh + input_dim_;
  float *n = n_(memory), *c = c_(memory), *tanh_c = tanh_c_(memory);
  std::copy_n(x, input_dim_, xh);
  (*product_)(memory, xh, n);
  (*norm_)(n);
  const float* o = update(n, c);
  for (int k = 0; k < cells_; ++k) {
    tanh_c[k] = c[k] = std::min(std::max(c[k], -kCellClip), kCellClip);
  }
  kernels_.float_tanh(cells_, tanh_c);
  float* m = projection_.hidden(memory, h);
  for (int k = 0; k < cells_; ++k) m[k] = o[k] * tanh_c[k];
  projection_.apply(memory, h);
  return h;
}

const float* FloatLSTM::update(float* n, float* c) const {
  float *i = n, *f = i + cells_, *g = f + cells_, *o = g + cells_;
  kernels_.float_sigmoid(2 * cells_, i);
  kernels_.float_tanh(cells_, g);
  kernels_.float_sigmoid(cells_, o);
  for (int k = 0; k < cells_; ++k) c[k] = f[k] * c[k] + i[k] * g[k];
  return o;
}

const float* FloatCIFG::update(float* n, float* c) const {
  float *f = n, *g = f + cells_, *o = g + cells_;
  kernels_.float_sigmoid(cells_, f);
  kernels_.float_tanh(cells_, g);
  kernels_.float_sigmoid(cells_, o);
  for (int k = 0; k < cells_; ++k) c[k] = f[k] * c[k] + (1 - f[k]) * g[k];
  return o;
}

}  // namespace edge_rnnt
