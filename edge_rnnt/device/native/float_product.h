// Matrix products of the float and hybrid schemes (edge_rnnt/device/products.py).
#ifndef EDGE_RNNT_FLOAT_PRODUCT_H_
#define EDGE_RNNT_FLOAT_PRODUCT_H_

#include <memory>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "operand.h"

namespace edge_rnnt {

// y = x W, in float.
class FloatProduct {
 public:
  virtual ~FloatProduct() = default;
  virtual void into(Memory memory, const float* x, float* y) const = 0;
  // The same, added to what is in y.
  virtual void onto(Memory memory, const float* x, float* y) const = 0;
};

using Product = std::unique_ptr<const FloatProduct>;

// With a whole matrix of the file, which is of 8 bits if its scheme is "hybrid".
Product matrix_product(const Container& file, const std::string& name, int inputs, int outputs,
                       const Kernels& kernels, Plan* plan);

// With a cell's kernel: its rows of x, and of h. An SRU has no rows of h.
Product input_product(const Container& file, const Layer& layer, const Kernels& kernels, Plan* plan);
Product recurrent_product(const Container& file, const Layer& layer, const Kernels& kernels,
                          Plan* plan);

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_FLOAT_PRODUCT_H_
