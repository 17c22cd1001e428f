// Weights where they lie in the device file: nothing is copied, unpacked or reordered.
#ifndef EDGE_RNNT_KERNELS_MATRIX_H_
#define EDGE_RNNT_KERNELS_MATRIX_H_

#include <cstdint>
#include <type_traits>
#include <vector>

namespace edge_rnnt {

// A matrix [inputs][outputs]. A cell's has two parts, the rows of x before `split` and those of h from
// it on, whose sums are kept apart; any other has one, and split = inputs.
//
// Dense, floats lie row by row, and bytes in panels of 16 outputs, in which every four inputs of an
// output stand side by side (edge_rnnt/export/panels.py). In blocks (edge_rnnt/export/blocks.py) of
// block_in inputs x block_out outputs, the blocks of a column of blocks follow each other, from its
// first input on; `index` says which row of blocks each is, `edges` where a column's parts begin.
template <class T>
struct Matrix {
  int inputs = 0, outputs = 0, split = 0;
  const T* values = nullptr;
  int block_in = 0, block_out = 0;  // 0: dense
  const uint8_t* index8 = nullptr;  // [kept]; one of these two, by how many rows of blocks there are
  const uint16_t* index16 = nullptr;
  // Blocks edges[parts c + p] .. edges[parts c + p + 1] are those of part p of column c. A block across
  // the split counts for the first part; kernels look inside it.
  std::vector<uint32_t> edges;

  static constexpr int kPanel = 16, kQuad = 4;  // outputs of a panel, inputs side by side
  static constexpr bool kInPanels = std::is_same_v<T, int8_t>;

  bool dense() const { return block_in == 0; }
  int parts() const { return split < inputs ? 2 : 1; }
  int columns() const { return (outputs + block_out - 1) / block_out; }
  uint32_t kept() const { return edges.back(); }
  int place(uint32_t block) const { return index8 ? index8[block] : index16[block]; }
  bool straddled() const { return split % block_in != 0; }

  int panels() const { return (outputs + kPanel - 1) / kPanel; }
  int quads() const { return (inputs + kQuad - 1) / kQuad; }
  // A dense matrix's entry, d and e within what is padded.
  T at(int d, int e) const {
    if (!kInPanels) return values[int64_t{d} * outputs + e];
    const int64_t row = int64_t{e / kPanel} * quads() + d / kQuad;
    return values[(row * kPanel + e % kPanel) * kQuad + d % kQuad];
  }

  // A vector of inputs is this long, zeros behind the last one.
  int padded_inputs() const {
    if (dense()) return kInPanels ? quads() * kQuad : inputs;
    return (inputs + block_in - 1) / block_in * block_in;
  }
  // Sums of one part are this long; what stands behind the last output means nothing.
  int stride() const {
    if (dense()) return kInPanels ? panels() * kPanel : outputs;
    return columns() * block_out;
  }
};

// Sets the edges of a matrix whose sizes and index are set. count [columns] is the file's, checked:
// counts add up to the blocks there are, and indices rise within a column.
template <class T, class Count>
void set_edges(const Count* count, Matrix<T>* w) {
  w->edges.assign(1, 0);
  for (int column = 0; column < w->columns(); ++column) {
    const uint32_t begin = w->edges.back(), end = begin + count[column];
    uint32_t middle = begin;
    while (middle < end && w->place(middle) * w->block_in < w->split) ++middle;
    if (w->parts() == 2) w->edges.push_back(middle);
    w->edges.push_back(end);
  }
}

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_KERNELS_MATRIX_H_
