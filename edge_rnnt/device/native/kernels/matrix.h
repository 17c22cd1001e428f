// Weights where they lie in the device file: nothing is copied, unpacked or reordered.
#ifndef EDGE_RNNT_KERNELS_MATRIX_H_
#define EDGE_RNNT_KERNELS_MATRIX_H_

#include <cstdint>
#include <vector>

namespace edge_rnnt {

// Some neighbouring rows of a matrix [inputs][outputs], which a kernel multiplies with their part of
// an input vector. A cell's matrix has two such parts, the rows of x and those of h.
//
// Dense, row d lies at values + d * outputs. In blocks (edge_rnnt/export/blocks.py) of block_in
// inputs x block_out outputs, the blocks of a column of blocks follow each other, from its first
// input on; `index` says which row of blocks each is.
//
// The vector that is multiplied has room for all rows of the matrix, rounded up to whole blocks, and
// holds zeros outside of the part: a block may stand across its edge. Sums are written for all
// outputs, rounded up to whole blocks.
template <class T>
struct Rows {
  int first = 0, count = 0, outputs = 0;
  const T* values = nullptr;
  int block_in = 0, block_out = 0;  // 0: dense
  const uint8_t* index8 = nullptr;  // [kept]; one of these two, by how many rows of blocks there are
  const uint16_t* index16 = nullptr;
  std::vector<uint32_t> begins, ends;  // [columns] the blocks of each column that touch the part
  uint32_t kept = 0;                   // in the whole matrix

  bool dense() const { return block_in == 0; }
  int place(uint32_t block) const { return index8 ? index8[block] : index16[block]; }
};

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_KERNELS_MATRIX_H_
