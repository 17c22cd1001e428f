#include "float_product.h"

#include "weights.h"

namespace edge_rnnt {
namespace {

class PlainProduct : public FloatProduct {
 public:
  PlainProduct(Matrix<float> w, const Kernels& kernels) : kernels_(kernels), w_(std::move(w)) {}
  void operator()(Memory, const float* x, float* y) const override {
    kernels_.float_product(w_, x, y);
  }
  int inputs() const override { return w_.padded_inputs(); }
  int outputs() const override { return w_.stride(); }

 private:
  const Kernels& kernels_;
  const Matrix<float> w_;
};

// For each part of the matrix, x and h having scales of their own:
//   s = max |x| / 127;   q = round(x * (1 / s));   y = (q W_8) * (s * scale)
class HybridProduct : public FloatProduct {
 public:
  // scales [parts][outputs].
  HybridProduct(Matrix<int8_t> w, std::vector<float> scales, const Kernels& kernels, Plan* plan)
      : kernels_(kernels),
        w_(std::move(w)),
        scales_(std::move(scales)),
        q_(plan->keep<int8_t>(w_.padded_inputs())),
        sums_(plan->scratch<int32_t>(w_.parts() * w_.stride())) {}

  void operator()(Memory memory, const float* x, float* y) const override {
    int8_t* q = q_(memory);
    int32_t* sums = sums_(memory);
    const float scale_x = kernels_.quantize_row(x, w_.split, q);
    const float scale_h = kernels_.quantize_row(x + w_.split, w_.inputs - w_.split, q + w_.split);
    kernels_.int8_product(w_, q, sums);
    kernels_.hybrid_rescale(sums, scale_x, scales_.data(), false, w_.outputs, y);
    if (w_.parts() == 2) {
      kernels_.hybrid_rescale(sums + w_.stride(), scale_h, scales_.data() + w_.outputs, true,
                              w_.outputs, y);
    }
  }
  int inputs() const override { return w_.padded_inputs(); }
  int outputs() const override { return w_.stride(); }

 private:
  const Kernels& kernels_;
  const Matrix<int8_t> w_;
  const std::vector<float> scales_;
  const Array<int8_t> q_;
  const Array<int32_t> sums_;
};

}  // namespace

Product matrix_product(const Container& file, const std::string& name, int inputs, int outputs,
                       const Kernels& kernels, Plan* plan) {
  if (file.scheme == "hybrid") {
    return std::make_unique<HybridProduct>(read_matrix<int8_t>(file, name, inputs, outputs),
                                           file.values<float>(name + ".scale", {outputs}), kernels,
                                           plan);
  }
  return std::make_unique<PlainProduct>(read_matrix<float>(file, name, inputs, outputs), kernels);
}

Product kernel_product(const Container& file, const Layer& layer, const Kernels& kernels,
                       Plan* plan) {
  if (file.scheme == "hybrid") {
    auto w = read_kernel<int8_t>(file, layer);
    auto scales = file.values<float>(layer.path + "/kernel.scale", {w.parts(), w.outputs});
    return std::make_unique<HybridProduct>(std::move(w), std::move(scales), kernels, plan);
  }
  return std::make_unique<PlainProduct>(read_kernel<float>(file, layer), kernels);
}

}  // namespace edge_rnnt
