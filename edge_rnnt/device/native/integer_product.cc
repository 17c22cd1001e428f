#include "integer_product.h"

namespace edge_rnnt {

IntegerProduct::IntegerProduct(const Matrix<int8_t>& w, int first, int count, int zero,
                               const std::vector<int32_t>& bias, const std::vector<float>& factors,
                               const Kernels& kernels, Plan* plan)
    : kernels_(kernels), w_(w.rows(first, count)), x_(w_, w.inputs, plan), bias_(bias) {
  bias_.resize(w.outputs);
  if (zero) {
    w.each([&](int d, int e, int8_t weight) {
      if (first <= d && d < first + count) bias_[e] -= zero * weight;
    });
  }
  for (const float factor : factors) factors_.push_back(multiplier(factor));
  sums_ = plan->scratch<int32_t>(padded_outputs(w_));
}

const int32_t* IntegerProduct::sum(Memory memory, const int8_t* x) const {
  int32_t* sums = sums_(memory);
  kernels_.int8_product(w_, x_(memory, x), sums);
  return sums;
}

void IntegerProduct::rescale(Memory memory, const int8_t* x, bool add, int16_t* y) const {
  const int32_t* sums = sum(memory, x);
  const int group = w_.outputs / static_cast<int>(factors_.size());
  int at = 0;
  for (const Multiplier& factor : factors_) {
    kernels_.rescale16(sums + at, bias_.data() + at, factor, add, group, y + at);
    at += group;
  }
}

void IntegerProduct::into8(Memory memory, const int8_t* x, int zero, int8_t* y) const {
  kernels_.rescale8(sum(memory, x), bias_.data(), factors_[0], zero, w_.outputs, y);
}

void IntegerProduct::into32(Memory memory, const int8_t* x, int32_t* y) const {
  const int32_t* sums = sum(memory, x);
  for (int e = 0; e < w_.outputs; ++e) {
    y[e] = static_cast<int32_t>(multiply(int64_t{sums[e]} + bias_[e], factors_[0]));
  }
}

}  // namespace edge_rnnt
