#include "integer_lstm.h"

#include <algorithm>

#include "kernels/fixed_functions.h"

namespace edge_rnnt {

IntegerLSTM::IntegerLSTM(const Container& file, const Layer& layer, const LayerFormats& formats,
                         const Kernels& kernels, Plan* plan)
    : kernels_(kernels),
      cells_(layer.cells),
      output_dim_(layer.output_dim()),
      zero_h_(formats.output.zero),
      clip_(formats.clip()),
      cell_exponent_(formats.cell_exponent),
      integer_bits_(formats.integer_bits()),
      zero_hidden_(formats.hidden.zero),
      to_hidden_(multiplier(1.0f / (1 << 30) / formats.hidden.scale)) {
  const int split = layer.input_dim, outputs = layer.gates() * cells_;
  const Matrix<int8_t> kernel(file, layer.path + "/kernel", split + output_dim_, outputs);
  const auto scales = file.values<float>(layer.path + "/kernel.scale", {2, layer.gates()});
  auto bias = file.values<int32_t>(layer.path + "/bias", {outputs});
  if (layer.layer_norm) {
    norm_ = std::make_unique<GateNorm>(
        file.values<int16_t>(layer.path + "/gain", {outputs}), bias,
        file.values<float>(layer.path + "/gain.scale", {layer.gates()}), kQ3_12, kernels);
    bias.clear();  // it joins after the norm
  }
  inputs_ = std::make_unique<IntegerProduct>(
      kernel, 0, split, formats.input.zero, bias,
      factors(scales.data(), formats.input.scale, formats.gates), kernels, plan);
  recurrent_ = std::make_unique<IntegerProduct>(
      kernel, split, output_dim_, zero_h_, std::vector<int32_t>(),
      factors(scales.data() + layer.gates(), formats.output.scale, formats.gates), kernels, plan);
  projection_ = std::make_unique<Projection>(file, layer, formats, kernels, plan);
  h_ = plan->keep<int8_t>(output_dim_);
  c_ = plan->keep<int16_t>(cells_);
  n_ = plan->scratch<int16_t>(outputs);
  tanh_c_ = plan->scratch<int16_t>(cells_);
  // Tables are made now, not in the middle of the first utterance.
  sigmoid_table(), tanh_table(3), tanh_table(integer_bits_);
}

void IntegerLSTM::begin(Memory memory) const {
  std::fill_n(h_(memory), output_dim_, static_cast<int8_t>(zero_h_));
}

const int8_t* IntegerLSTM::step(Memory memory, const int8_t* x) const {
  int16_t *n = n_(memory), *c = c_(memory), *tanh_c = tanh_c_(memory);
  int8_t* h = h_(memory);
  inputs_->into16(memory, x, n);
  recurrent_->onto16(memory, h, n);
  if (norm_) (*norm_)(n);
  const Gates gate = gates(memory, n);
  kernels_.update_cell(gate.i, gate.f, gate.g, 30 + cell_exponent_, clip_, cells_, c);
  kernels_.tanh(c, integer_bits_, cells_, tanh_c);
  int8_t* hidden = projection_->hidden(memory, h);
  kernels_.take_hidden(gate.o, tanh_c, to_hidden_, zero_hidden_, cells_, hidden);
  projection_->apply(memory, h);
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
