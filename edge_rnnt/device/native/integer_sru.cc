#include "integer_sru.h"

#include <algorithm>

#include "kernels/fixed_functions.h"

namespace edge_rnnt {

IntegerSRU::IntegerSRU(const Container& file, const Layer& layer, const LayerFormats& formats,
                       const Kernels& kernels, Plan* plan)
    : kernels_(kernels),
      input_dim_(layer.input_dim),
      cells_(layer.cells),
      output_dim_(layer.output_dim()),
      clip_(formats.clip()),
      integer_bits_(formats.integer_bits()),
      zero_hidden_(formats.hidden.zero),
      taken_(multiplier(1.0f / (1 << 30) / formats.hidden.scale)),
      highway_(multiplier(1.0f / (1 << 15) * formats.gates[3] / formats.hidden.scale)),
      kernel_(read_kernel<int8_t>(file, layer)),
      projection_(file, layer, formats, kernels, plan),
      x_(plan->keep<int8_t>(kernel_.padded_inputs())),
      h_(plan->keep<int8_t>(output_dim_)),
      sums_(plan->scratch<int32_t>(kernel_.stride())),
      c_(plan->keep<int16_t>(cells_)),
      a_(plan->scratch<int16_t>(kernel_.outputs)),
      tanh_c_(plan->scratch<int16_t>(cells_)) {
  const int n = cells_;
  const auto scales = file.values<float>(layer.path + "/kernel.scale", {1, 4});
  auto bias = file.values<int32_t>(layer.path + "/bias", {4 * n});
  if (layer.layer_norm) {
    const auto gain = file.values<int16_t>(layer.path + "/gain", {3 * n});
    const auto gain_scale = file.values<float>(layer.path + "/gain.scale", {3});
    norm_ = std::make_unique<GateNorm>(
        std::vector<int16_t>(gain.begin(), gain.begin() + 2 * n),
        std::vector<int32_t>(bias.begin() + n, bias.begin() + 3 * n),
        std::vector<float>(gain_scale.begin(), gain_scale.begin() + 2), kQ3_12, kernels);
    cell_norm_ = std::make_unique<GateNorm>(std::vector<int16_t>(gain.begin() + 2 * n, gain.end()),
                                            std::vector<int32_t>(n), std::vector{gain_scale[2]},
                                            formats.cell_scale, kernels);
  }
  // u has no bias, and those of f and r join after the norm.
  std::fill(bias.begin(), bias.begin() + (layer.layer_norm ? 3 * n : n), 0);
  inputs_ = std::make_unique<Rescale>(
      kernel_, 0, input_dim_, formats.input.zero, bias,
      factors(scales.data(), formats.input.scale, formats.gates), kernels);
  // Tables are made now, not in the middle of the first utterance.
  sigmoid_table(), tanh_table(integer_bits_);
}

const int8_t* IntegerSRU::step(Memory memory, const int8_t* x) const {
  int16_t *c = c_(memory), *tanh_c = tanh_c_(memory);
  int16_t *u = a_(memory), *f = u + cells_, *r = f + cells_, *s = r + cells_;
  int8_t* h = h_(memory);
  std::copy_n(x, input_dim_, x_(memory));
  kernels_.int8_product(kernel_, x_(memory), sums_(memory));
  inputs_->into16(sums_(memory), u);
  if (norm_) (*norm_)(f);
  kernels_.sigmoid(f, 2 * cells_, f);
  kernels_.mix_cell(f, u, cells_, c);
  if (cell_norm_) (*cell_norm_)(c);
  for (int k = 0; k < cells_; ++k) {
    c[k] = static_cast<int16_t>(std::clamp<int>(c[k], -clip_, clip_));
  }
  kernels_.tanh(c, integer_bits_, cells_, tanh_c);
  int8_t* hidden = projection_.hidden(memory, h);
  kernels_.take_highway(r, tanh_c, s, taken_, highway_, zero_hidden_, cells_, hidden);
  projection_.apply(memory, h);
  return h;
}

}  // namespace edge_rnnt
