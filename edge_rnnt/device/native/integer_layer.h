// What every integer cell begins and ends with: its formats in the file, its layer norms, and the way
// from the cell to the output (edge_rnnt/device/integer_cells.py).
#ifndef EDGE_RNNT_INTEGER_LAYER_H_
#define EDGE_RNNT_INTEGER_LAYER_H_

#include <memory>
#include <string>
#include <vector>

#include "network.h"
#include "rescale.h"
#include "weights.h"

namespace edge_rnnt {

constexpr double kQ3_12 = 1.0 / 4096;

// The formats of a layer's activations. Throws std::runtime_error for ones that cannot be.
struct LayerFormats {
  LayerFormats(const Container& file, const Layer& layer, Format below);

  Format input, output, hidden;
  std::vector<float> gates;  // scales, in the order of the kernel's columns
  double cell_scale;         // 2^cell_exponent, -15 <= cell_exponent <= -9
  int cell_exponent;

  // The cell state's largest size, in its own scale: 10, or what 16 bits hold.
  int clip() const;
  // Of the cell state, as the fixed-point tanh reads it.
  int integer_bits() const { return 15 + cell_exponent; }
};

Format stored_format(const Container& file, const std::string& name);

// Layer norm of some gates, each of n cells; `gain` and `bias` begin with the first of them.
class GateNorm {
 public:
  GateNorm(std::vector<int16_t> gain, std::vector<int32_t> bias, const std::vector<float>& scales,
           double result_scale, const Kernels& kernels);
  // In place: pre-activations [gates][n] -> the result's scale.
  void operator()(int16_t* a) const;

 private:
  const Kernels& kernels_;
  int n_;
  std::vector<int16_t> gain_;
  std::vector<int32_t> bias_;
  std::vector<IntegerNorm> gates_;
};

// hid -> h = saturate(M_p (sum Wp hid - zero_m sum Wp) + zero_h);   M_p = s_Wp s_m / s_h
// Without a projection h = hid.
class Projection {
 public:
  Projection(const Container& file, const Layer& layer, const LayerFormats& formats,
             const Kernels& kernels, Plan* plan);

  // Where hid goes; h is where the output shall be.
  int8_t* hidden(Memory memory, int8_t* h) const { return rescale_ ? hidden_(memory) : h; }
  void apply(Memory memory, int8_t* h) const;

 private:
  const Kernels& kernels_;
  const int zero_;
  Matrix<int8_t> w_;
  std::unique_ptr<const Rescale> rescale_;  // nullptr without a projection
  Array<int8_t> hidden_;
  Array<int32_t> sums_;
};

// Scales multiply in float, as in the reference: a[g] * b / c[g].
std::vector<float> factors(const float* a, float b, const std::vector<float>& c);

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_INTEGER_LAYER_H_
