// What every float cell begins and ends with: its bias and layer norm, and its projection
// (edge_rnnt/device/float_cells.py).
#ifndef EDGE_RNNT_FLOAT_LAYER_H_
#define EDGE_RNNT_FLOAT_LAYER_H_

#include <vector>

#include "float_product.h"
#include "network.h"

namespace edge_rnnt {

constexpr float kCellClip = 10;

// n = LN(z) * gain + bias, or z + bias without layer norm; for some gates of n cells each.
class FloatNorm {
 public:
  // `gain` is empty without layer norm.
  FloatNorm(std::vector<float> gain, std::vector<float> bias, int cells, const Kernels& kernels)
      : kernels_(kernels), cells_(cells), gain_(std::move(gain)), bias_(std::move(bias)) {}

  // In place.
  void operator()(float* z) const {
    const int outputs = static_cast<int>(bias_.size());
    if (gain_.empty()) {
      for (int k = 0; k < outputs; ++k) z[k] += bias_[k];
      return;
    }
    for (int k = 0; k < outputs; k += cells_) {
      kernels_.float_norm(gain_.data() + k, bias_.data() + k, cells_, z + k);
    }
  }

 private:
  const Kernels& kernels_;
  const int cells_;
  const std::vector<float> gain_, bias_;
};

// m -> h = m P; without a projection h = m.
class FloatProjection {
 public:
  FloatProjection(const Container& file, const Layer& layer, const Kernels& kernels, Plan* plan) {
    if (!layer.projection) return;
    product_ = matrix_product(file, layer.path + "/projection", layer.cells, layer.projection,
                              kernels, plan);
    hidden_ = plan->scratch<float>(layer.cells);
  }

  // Where m goes; h is where the output shall be.
  float* hidden(Memory memory, float* h) const { return product_ ? hidden_(memory) : h; }
  void apply(Memory memory, float* h) const {
    if (product_) (*product_)(memory, hidden_(memory), h);
  }

 private:
  Product product_;
  Array<float> hidden_;
};

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_FLOAT_LAYER_H_
