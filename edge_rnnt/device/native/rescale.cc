#include "rescale.h"

#include "weights.h"

namespace edge_rnnt {

Rescale::Rescale(const Matrix<int8_t>& w, int first, int last, int zero,
                 const std::vector<int32_t>& bias, const std::vector<float>& factors,
                 const Kernels& kernels)
    : kernels_(kernels), bias_(bias) {
  bias_.resize(w.outputs);
  if (zero) {
    each_entry(w, [&](int d, int e, int8_t weight) {
      if (first <= d && d < last) bias_[e] -= zero * weight;
    });
  }
  for (const float factor : factors) factors_.push_back(multiplier(factor));
}

void Rescale::to16(const int32_t* sums, bool add, int16_t* y) const {
  const size_t group = bias_.size() / factors_.size();
  size_t at = 0;
  for (const Multiplier& factor : factors_) {
    kernels_.rescale16(sums + at, bias_.data() + at, factor, add, static_cast<int>(group), y + at);
    at += group;
  }
}

void Rescale::into8(const int32_t* sums, int zero, int8_t* y) const {
  kernels_.rescale8(sums, bias_.data(), factors_[0], zero, static_cast<int>(bias_.size()), y);
}

void Rescale::into32(const int32_t* sums, int32_t* y) const {
  for (size_t e = 0; e < bias_.size(); ++e) {
    y[e] = static_cast<int32_t>(multiply(int64_t{sums[e]} + bias_[e], factors_[0]));
  }
}

}  // namespace edge_rnnt
