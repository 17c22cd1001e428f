// All kernels that are written once for every vector type, and a table of them.
// Include within a target region, inside an anonymous namespace.

#include "kernels/lanes_fixed.h"
#include "kernels/lanes_float_rows.h"
#include "kernels/lanes_functions.h"
//
#include "kernels/bytes_dense.h"
#include "kernels/bytes_in_blocks.h"
#include "kernels/bytes_out_blocks.h"
#include "kernels/bytes_product.h"
#include "kernels/float_product.h"

// Bytes as in lanes_bytes_*.h, the numbers between the products as in lanes_*.h.
template <class Bytes, class Lanes>
Kernels vector_kernels(const char* name) {
  return {name,
          int8_product<Bytes>,
          float_product<Lanes>,
          rescale16<Lanes>,
          rescale8<Lanes>,
          integer_norm<Lanes>,
          sigmoid16<Lanes>,
          tanh16<Lanes>,
          update_cell<Lanes>,
          take_hidden<Lanes>,
          mix_cell<Lanes>,
          take_highway<Lanes>,
          quantize_row<Lanes>,
          hybrid_rescale<Lanes>,
          float_norm<Lanes>,
          float_sigmoid<Lanes>,
          float_tanh<Lanes>};
}
