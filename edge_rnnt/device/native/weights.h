// Matrices of the device file, checked once and then used where they lie.
#ifndef EDGE_RNNT_WEIGHTS_H_
#define EDGE_RNNT_WEIGHTS_H_

#include <algorithm>
#include <string>

#include "container.h"
#include "kernels/matrix.h"

namespace edge_rnnt {

// W [inputs][outputs] of one part. Throws std::runtime_error unless it is there and sound.
template <class T>
Matrix<T> read_matrix(const Container& file, const std::string& name, int inputs, int outputs);

// A cell's kernel, dense or in blocks; its parts are the rows of x and those of h, if it has any.
template <class T>
Matrix<T> read_kernel(const Container& file, const Layer& layer);

// Calls use(d, e, W[d][e]) for every entry that is stored.
template <class T, class Use>
void each_entry(const Matrix<T>& w, Use use) {
  if (w.dense()) {
    for (int d = 0; d < w.inputs; ++d) {
      for (int e = 0; e < w.outputs; ++e) use(d, e, w.at(d, e));
    }
    return;
  }
  uint32_t block = 0;
  for (int column = 0; column < w.columns(); ++column) {
    const int first_e = column * w.block_out;
    for (; block < w.edges[w.parts() * (column + 1)]; ++block) {
      const int first_d = w.place(block) * w.block_in;
      const T* entries = w.values + int64_t{block} * w.block_in * w.block_out;
      for (int d = first_d; d < std::min(first_d + w.block_in, w.inputs); ++d) {
        for (int e = first_e; e < std::min(first_e + w.block_out, w.outputs); ++e) {
          use(d, e, entries[(d - first_d) * w.block_out + e - first_e]);
        }
      }
    }
  }
}

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_WEIGHTS_H_
