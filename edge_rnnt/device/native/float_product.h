// Matrix products of the float and hybrid schemes (edge_rnnt/device/products.py).
#ifndef EDGE_RNNT_FLOAT_PRODUCT_H_
#define EDGE_RNNT_FLOAT_PRODUCT_H_

#include <memory>
#include <string>

#include "container.h"
#include "kernels/kernels.h"
#include "memory.h"

namespace edge_rnnt {

// y = x W, in float. A cell's kernel multiplies x and h, one behind the other.
class FloatProduct {
 public:
  virtual ~FloatProduct() = default;
  // x [inputs()], zeros behind the last input; y [outputs()], of which what stands behind the matrix's
  // last output means nothing.
  virtual void operator()(Memory memory, const float* x, float* y) const = 0;
  virtual int inputs() const = 0;
  virtual int outputs() const = 0;
};

using Product = std::unique_ptr<const FloatProduct>;

// With a matrix of the file, which is of 8 bits if its scheme is "hybrid".
Product matrix_product(const Container& file, const std::string& name, int inputs, int outputs,
                       const Kernels& kernels, Plan* plan);
// With a cell's kernel.
Product kernel_product(const Container& file, const Layer& layer, const Kernels& kernels, Plan* plan);

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_FLOAT_PRODUCT_H_
