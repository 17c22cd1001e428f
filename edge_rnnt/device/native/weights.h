// A matrix of the device file, dense or in blocks, checked once and then used where it lies.
#ifndef EDGE_RNNT_WEIGHTS_H_
#define EDGE_RNNT_WEIGHTS_H_

#include <algorithm>
#include <string>

#include "container.h"
#include "kernels/matrix.h"

namespace edge_rnnt {

template <class T>
class Matrix {
 public:
  // W [inputs][outputs]. Throws std::runtime_error unless it is there and sound.
  Matrix(const Container& file, const std::string& name, int inputs, int outputs);

  // What a kernel needs to multiply with the rows first .. first + count.
  Rows<T> rows(int first, int count) const;

  // Calls use(d, e, W[d][e]) for every entry that is stored.
  template <class Use>
  void each(Use use) const;

  const int inputs, outputs;

 private:
  void read_blocks(const Container& file, const std::string& name);

  const T* values_ = nullptr;
  int block_in_ = 0, block_out_ = 0;  // 0: dense
  const uint8_t* index8_ = nullptr;
  const uint16_t* index16_ = nullptr;
  std::vector<uint32_t> ends_;  // of each column of blocks
};

template <class T>
template <class Use>
void Matrix<T>::each(Use use) const {
  if (!block_in_) {
    for (int d = 0; d < inputs; ++d) {
      for (int e = 0; e < outputs; ++e) use(d, e, values_[int64_t{d} * outputs + e]);
    }
    return;
  }
  uint32_t block = 0;
  for (size_t column = 0; column < ends_.size(); ++column) {
    const int first_e = static_cast<int>(column) * block_out_;
    for (; block < ends_[column]; ++block) {
      const int first_d = (index8_ ? index8_[block] : index16_[block]) * block_in_;
      const T* entries = values_ + int64_t{block} * block_in_ * block_out_;
      for (int d = first_d; d < std::min(first_d + block_in_, inputs); ++d) {
        for (int e = first_e; e < std::min(first_e + block_out_, outputs); ++e) {
          use(d, e, entries[(d - first_d) * block_out_ + e - first_e]);
        }
      }
    }
  }
}

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_WEIGHTS_H_
