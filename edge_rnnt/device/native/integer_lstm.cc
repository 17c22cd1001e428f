#include "integer_lstm.h"

#include <algorithm>

#include "kernels/fixed_functions.h"

namespace edge_rnnt {

IntegerLSTM::IntegerLSTM(const Container& file, const Layer& layer, const LayerFormats& formats,
                         const Kernels& kernels, Plan* plan)
    : kernels_(kernels),
      cells_(layer.cells),
      input_dim_(layer.input_dim),
      output_dim_(layer.output_dim()),
      zero_h_(formats.output.zero),
      zero_hidden_(formats.hidden.zero),
      clip_(formats.clip()),
      cell_exponent_(formats.cell_exponent),
      integer_bits_(formats.integer_bits()),
      to_hidden_(multiplier(1.0f / (1 << 30) / formats.hidden.scale)),
      kernel_(read_kernel<int8_t>(file, layer)),
      projection_(file, layer, formats, kernels, plan),
      xh_(plan->keep<int8_t>(kernel_.padded_inputs())),
      sums_(plan->scratch<int32_t>(2 * kernel_.stride())),
      c_(plan->keep<int16_t>(cells_)),
      n_(plan->scratch<int16_t>(kernel_.outputs)),
      tanh_c_(plan->scratch<int16_t>(cells_)) {
  const auto scales = file.values<float>(layer.path + "/kernel.scale", {2, layer.gates()});
  auto bias = file.values<int32_t>(layer.path + "/bias", {kernel_.outputs});
  if (layer.layer_norm) {
    norm_ = std::make_unique<GateNorm>(
        file.values<int16_t>(layer.path + "/gain", {kernel_.outputs}), bias,
        file.values<float>(layer.path + "/gain.scale", {layer.gates()}), kQ3_12, kernels);
    bias.clear();  // it joins after the norm
  }
  inputs_ = std::make_unique<Rescale>(
      kernel_, 0, input_dim_, formats.input.zero, bias,
      factors(scales.data(), formats.input.scale, formats.gates), kernels);
  recurrent_ = std::make_unique<Rescale>(
      kernel_, input_dim_, kernel_.inputs, zero_h_, std::vector<int32_t>(),
      factors(scales.data() + layer.gates(), formats.output.scale, formats.gates), kernels);
  // Tables are made now, not in the middle of the first utterance.
  sigmoid_table(), tanh_table(3), tanh_table(integer_bits_);
}

void IntegerLSTM::begin(Memory memory) const {
  std::fill_n(xh_(memory) + input_dim_, output_dim_, static_cast<int8_t>(zero_h_));
}

const int8_t* IntegerLSTM::step(Memory memory, const int8_t* x) const {
  int8_t *xh = xh_(memory), *h = xh + input_dim_;
  int16_t *n = n_(memory), *c = c_(memory), *tanh_c = tanh_c_(memory);
  int32_t* sums = sums_(memory);
  std::copy_n(x, input_dim_, xh);
  kernels_.int8_product(kernel_, xh, sums);
  inputs_->into16(sums, n);
  recurrent_->onto16(sums + kernel_.stride(), n);
  if (norm_) (*norm_)(n);
  const Gates gate = gates(memory, n);
  kernels_.update_cell(gate.i, gate.f, gate.g, 30 + cell_exponent_, clip_, cells_, c);
  kernels_.tanh(c, integer_bits_, cells_, tanh_c);
  int8_t* hidden = projection_.hidden(memory, h);
  kernels_.take_hidden(gate.o, tanh_c, to_hidden_, zero_hidden_, cells_, hidden);
  projection_.apply(memory, h);
  return h;
}

IntegerLSTM::Gates IntegerLSTM::gates(Memory, int16_t* n) const {
  int16_t *i = n, *f = i + cells_, *g = f + cells_, *o = g + cells_;
  kernels_.sigmoid(i, 2 * cells_, i);
  kernels_.tanh(g, 3, cells_, g);
  kernels_.sigmoid(o, cells_, o);
  return {i, f, g, o};
}

IntegerCIFG::IntegerCIFG(const Container& file, const Layer& layer, const LayerFormats& formats,
                         const Kernels& kernels, Plan* plan)
    : IntegerLSTM(file, layer, formats, kernels, plan), i_(plan->scratch<int16_t>(layer.cells)) {}

IntegerLSTM::Gates IntegerCIFG::gates(Memory memory, int16_t* n) const {
  int16_t *i = i_(memory), *f = n, *g = f + cells_, *o = g + cells_;
  kernels_.sigmoid(f, cells_, f);
  kernels_.tanh(g, 3, cells_, g);
  kernels_.sigmoid(o, cells_, o);
  for (int k = 0; k < cells_; ++k) i[k] = static_cast<int16_t>(32767 - f[k]);
  return {i, f, g, o};
}

}  // namespace edge_rnnt
