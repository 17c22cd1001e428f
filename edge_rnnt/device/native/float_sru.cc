#include "float_sru.h"

#include <algorithm>

namespace edge_rnnt {

FloatSRU::FloatSRU(const Container& file, const Layer& layer, const Kernels& kernels, Plan* plan)
    : kernels_(kernels),
      input_dim_(layer.input_dim),
      cells_(layer.cells),
      output_dim_(layer.output_dim()),
      product_(kernel_product(file, layer, kernels, plan)),
      projection_(file, layer, kernels, plan),
      x_(plan->keep<float>(product_->inputs())),
      h_(plan->keep<float>(output_dim_)),
      c_(plan->keep<float>(cells_)),
      z_(plan->scratch<float>(product_->outputs())),
      tanh_c_(plan->scratch<float>(cells_)) {
  const auto bias = file.values<float>(layer.path + "/bias", {4 * cells_});  // of u f r s
  const auto begin = bias.begin();
  std::vector<float> gain, gain_c;  // of f r, and of c
  if (layer.layer_norm) {
    gain = file.values<float>(layer.path + "/gain", {3 * cells_});
    gain_c.assign(gain.begin() + 2 * cells_, gain.end());
    gain.resize(2 * cells_);
    cell_norm_ = std::make_unique<FloatNorm>(gain_c, std::vector<float>(cells_), cells_, kernels);
  }
  norm_ = std::make_unique<FloatNorm>(
      gain, std::vector<float>(begin + cells_, begin + 3 * cells_), cells_, kernels);
  bias_s_.assign(begin + 3 * cells_, bias.end());
}

const float* FloatSRU::step(Memory memory, const float* x) const {
  float *u = z_(memory), *f = u + cells_, *r = f + cells_, *s = r + cells_;
  float *c = c_(memory), *tanh_c = tanh_c_(memory), *h = h_(memory);
  std::copy_n(x, input_dim_, x_(memory));
  (*product_)(memory, x_(memory), u);
  (*norm_)(f);
  kernels_.float_sigmoid(2 * cells_, f);
  for (int k = 0; k < cells_; ++k) c[k] = f[k] * c[k] + (1 - f[k]) * u[k];
  if (cell_norm_) (*cell_norm_)(c);
  for (int k = 0; k < cells_; ++k) {
    tanh_c[k] = c[k] = std::min(std::max(c[k], -kCellClip), kCellClip);
  }
  kernels_.float_tanh(cells_, tanh_c);
  float* m = projection_.hidden(memory, h);
  for (int k = 0; k < cells_; ++k) m[k] = r[k] * tanh_c[k] + (1 - r[k]) * (s[k] + bias_s_[k]);
  projection_.apply(memory, h);
  return h;
}

}  // namespace edge_rnnt
