// The vectors of a product, as kernels want them (kernels/matrix.h).
#ifndef EDGE_RNNT_OPERAND_H_
#define EDGE_RNNT_OPERAND_H_

#include <algorithm>

#include "memory.h"
#include "weights.h"

namespace edge_rnnt {

// What is multiplied: with room for all rows of the matrix, whole blocks of them, and zeros outside
// of the part.
template <class T>
class Operand {
 public:
  Operand() = default;
  Operand(const Rows<T>& w, int inputs, Plan* plan)
      : first_(w.first), count_(w.count), in_place_(w.dense() && w.first == 0) {
    const int block = w.dense() ? 1 : w.block_in;
    if (!in_place_) room_ = plan->keep<T>((inputs + block - 1) / block * block);
  }

  // x [count], or where a copy of it stands.
  const T* operator()(Memory memory, const T* x) const {
    if (in_place_) return x;
    T* room = room_(memory);
    std::copy_n(x, count_, room + first_);
    return room;
  }

 private:
  int first_ = 0, count_ = 0;
  bool in_place_ = true;
  Array<T> room_;
};

// How many sums a kernel writes: one for every output, whole blocks of them.
template <class T>
int padded_outputs(const Rows<T>& w) {
  return w.dense() ? w.outputs : static_cast<int>(w.begins.size()) * w.block_out;
}

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_OPERAND_H_
