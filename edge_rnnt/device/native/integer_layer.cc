#include "integer_layer.h"

#include <algorithm>
#include <cmath>

namespace edge_rnnt {

Format stored_format(const Container& file, const std::string& name) {
  const Activation stored = file.activation(name, 8);
  return {static_cast<float>(stored.scale), stored.zero};
}

LayerFormats::LayerFormats(const Container& file, const Layer& layer, Format below)
    : input(below),
      output(stored_format(file, layer.path + "/output")),
      hidden(layer.projection ? stored_format(file, layer.path + "/hidden") : output),
      cell_scale(file.activation(layer.path + "/cell", 16).scale) {
  const std::string names = layer.cell == "lstm" ? "ifgo" : layer.cell == "cifg" ? "fgo" : "ufrs";
  for (const char gate : names) {
    const double scale = file.activation(layer.path + "/gates/" + gate, 16).scale;
    if (gate == 'u' && scale != cell_scale) {
      file.refuse(layer.path + ": u and the cell it is mixed with have different scales");
    }
    gates.push_back(static_cast<float>(scale));
  }
  const double fraction = std::frexp(cell_scale, &cell_exponent);
  --cell_exponent;
  if (fraction != 0.5 || cell_exponent < -15 || cell_exponent > -9) {
    file.refuse("the scale of " + layer.path + "/cell is no power of two of 2^-15..2^-9");
  }
}

int LayerFormats::clip() const {
  return static_cast<int>(std::min(10.0f / static_cast<float>(cell_scale), 32767.0f));
}

GateNorm::GateNorm(std::vector<int16_t> gain, std::vector<int32_t> bias,
                   const std::vector<float>& scales, double result_scale, const Kernels& kernels)
    : kernels_(kernels),
      n_(static_cast<int>(gain.size() / scales.size())),
      gain_(std::move(gain)),
      bias_(std::move(bias)) {
  for (size_t g = 0; g < scales.size(); ++g) {
    IntegerNorm norm;
    norm.gain = gain_.data() + g * n_;
    norm.bias = bias_.data() + g * n_;
    norm.rescale = multiplier(double{scales[g]} / result_scale);  // bounds the scale, too
    norm.guard = std::max(int64_t{1}, static_cast<int64_t>(10000.0f * scales[g]));
    gates_.push_back(norm);
  }
}

void GateNorm::operator()(int16_t* a) const {
  for (size_t g = 0; g < gates_.size(); ++g) kernels_.integer_norm(gates_[g], n_, a + g * n_);
}

Projection::Projection(const Container& file, const Layer& layer, const LayerFormats& formats,
                       const Kernels& kernels, Plan* plan)
    : kernels_(kernels), zero_(formats.output.zero) {
  if (!layer.projection) return;
  const std::string name = layer.path + "/projection";
  w_ = read_matrix<int8_t>(file, name, layer.cells, layer.projection);
  const float scale = file.values<float>(name + ".scale", {1})[0];
  const float factor = scale * formats.hidden.scale / formats.output.scale;
  rescale_ = std::make_unique<Rescale>(w_, 0, layer.cells, formats.hidden.zero,
                                       std::vector<int32_t>(), std::vector{factor}, kernels);
  hidden_ = plan->scratch<int8_t>(layer.cells);
  sums_ = plan->scratch<int32_t>(w_.stride());
}

void Projection::apply(Memory memory, int8_t* h) const {
  if (!rescale_) return;
  int32_t* sums = sums_(memory);
  kernels_.int8_product(w_, hidden_(memory), sums);
  rescale_->into8(sums, zero_, h);
}

std::vector<float> factors(const float* a, float b, const std::vector<float>& c) {
  std::vector<float> found;
  for (size_t g = 0; g < c.size(); ++g) found.push_back(a[g] * b / c[g]);
  return found;
}

}  // namespace edge_rnnt
