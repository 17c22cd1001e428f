#include "float_product.h"

namespace edge_rnnt {
namespace {

class PlainProduct : public FloatProduct {
 public:
  PlainProduct(const Matrix<float>& w, int first, int count, const Kernels& kernels, Plan* plan)
      : kernels_(kernels),
        w_(w.rows(first, count)),
        x_(w_, w.inputs, plan),
        sums_(plan->scratch<float>(padded_outputs(w_))) {}

  void into(Memory memory, const float* x, float* y) const override {
    const float* sums = sum(memory, x);
    std::copy_n(sums, w_.outputs, y);
  }

  void onto(Memory memory, const float* x, float* y) const override {
    const float* sums = sum(memory, x);
    for (int e = 0; e < w_.outputs; ++e) y[e] += sums[e];
  }

 private:
  const float* sum(Memory memory, const float* x) const {
    kernels_.float_product(w_, x_(memory, x), sums_(memory));
    return sums_(memory);
  }

  const Kernels& kernels_;
  const Rows<float> w_;
  const Operand<float> x_;
  const Array<float> sums_;
};

// s = max |x| / 127;   q = round(x * (1 / s));   y = (q W_8) * (s * scale)
class HybridProduct : public FloatProduct {
 public:
  HybridProduct(const Matrix<int8_t>& w, int first, int count, std::vector<float> scales,
                const Kernels& kernels, Plan* plan)
      : kernels_(kernels),
        w_(w.rows(first, count)),
        scales_(std::move(scales)),
        x_(w_, w.inputs, plan),
        q_(plan->scratch<int8_t>(count)),
        sums_(plan->scratch<int32_t>(padded_outputs(w_))) {}

  void into(Memory memory, const float* x, float* y) const override { product(memory, x, false, y); }
  void onto(Memory memory, const float* x, float* y) const override { product(memory, x, true, y); }

 private:
  void product(Memory memory, const float* x, bool add, float* y) const {
    int8_t* q = q_(memory);
    const float scale = kernels_.quantize_row(x, w_.count, q);
    kernels_.int8_product(w_, x_(memory, q), sums_(memory));
    kernels_.hybrid_rescale(sums_(memory), scale, scales_.data(), add, w_.outputs, y);
  }

  const Kernels& kernels_;
  const Rows<int8_t> w_;
  const std::vector<float> scales_;
  const Operand<int8_t> x_;
  const Array<int8_t> q_;
  const Array<int32_t> sums_;
};

struct Part {
  int first, count;
};

Product product(const Container& file, const std::string& name, int inputs, int outputs, Part part,
                std::vector<float> scales, const Kernels& kernels, Plan* plan) {
  if (file.scheme == "hybrid") {
    const Matrix<int8_t> w(file, name, inputs, outputs);
    return std::make_unique<HybridProduct>(w, part.first, part.count, std::move(scales), kernels,
                                           plan);
  }
  const Matrix<float> w(file, name, inputs, outputs);
  return std::make_unique<PlainProduct>(w, part.first, part.count, kernels, plan);
}

// `part` of the kernel has row number `row` of the scales, one per output.
Product kernel_product(const Container& file, const Layer& layer, Part part, int row,
                       const Kernels& kernels, Plan* plan) {
  const int outputs = layer.gates() * layer.cells;
  std::vector<float> scales;
  if (file.scheme == "hybrid") {
    const int parts = layer.recurrent_dim() ? 2 : 1;
    const auto all = file.values<float>(layer.path + "/kernel.scale", {parts, outputs});
    scales.assign(all.begin() + row * outputs, all.begin() + (row + 1) * outputs);
  }
  return product(file, layer.path + "/kernel", layer.input_dim + layer.recurrent_dim(), outputs,
                 part, std::move(scales), kernels, plan);
}

}  // namespace

Product matrix_product(const Container& file, const std::string& name, int inputs, int outputs,
                       const Kernels& kernels, Plan* plan) {
  std::vector<float> scales;
  if (file.scheme == "hybrid") scales = file.values<float>(name + ".scale", {outputs});
  return product(file, name, inputs, outputs, {0, inputs}, std::move(scales), kernels, plan);
}

Product input_product(const Container& file, const Layer& layer, const Kernels& kernels,
                      Plan* plan) {
  return kernel_product(file, layer, {0, layer.input_dim}, 0, kernels, plan);
}

Product recurrent_product(const Container& file, const Layer& layer, const Kernels& kernels,
                          Plan* plan) {
  return kernel_product(file, layer, {layer.input_dim, layer.recurrent_dim()}, 1, kernels, plan);
}

}  // namespace edge_rnnt
