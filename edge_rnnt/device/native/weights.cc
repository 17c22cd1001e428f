#include "weights.h"

#include <type_traits>

namespace edge_rnnt {
namespace {

// What the kernels rely on (kernels/kernels.h): sums of bytes fit 32 bits, and a byte has a negative.
constexpr int kMostByteInputs = 32768;

// Counts or indices, which are of 8 bits where that suffices for so many rows of blocks.
struct Positions {
  Positions(const Container& file, const std::string& name, int rows, int64_t count) {
    if (rows > 255) {
      wide = file.place<uint16_t>(name, {count});
    } else {
      narrow = file.place<uint8_t>(name, {count});
    }
  }
  int operator[](int64_t k) const { return narrow ? narrow[k] : wide[k]; }

  const uint8_t* narrow = nullptr;
  const uint16_t* wide = nullptr;
};

}  // namespace

template <class T>
Matrix<T>::Matrix(const Container& file, const std::string& name, int in, int out)
    : inputs(in), outputs(out) {
  // Only the kernels of cells are pruned, hence stored in blocks.
  const size_t end = name.rfind("/kernel");
  if (file.find(name) || end == std::string::npos || end + 7 != name.size()) {
    values_ = file.place<T>(name, {inputs, outputs});
  } else {
    read_blocks(file, name);
  }
  if constexpr (std::is_same_v<T, int8_t>) {
    if (inputs > kMostByteInputs) file.refuse(name + " has more inputs than sums of 32 bits allow");
    const Tensor& stored = *file.find(block_in_ ? name + ".blocks" : name);
    if (std::find(values_, values_ + stored.bytes, -128) != values_ + stored.bytes) {
      file.refuse(name + " holds -128; weights are symmetric, -127 .. 127");
    }
  }
}

template <class T>
void Matrix<T>::read_blocks(const Container& file, const std::string& name) {
  block_in_ = file.block_in, block_out_ = file.block_out;
  const int rows = (inputs + block_in_ - 1) / block_in_;
  const int columns = (outputs + block_out_ - 1) / block_out_;
  const Tensor* listed = file.find(name + ".index");
  if (!listed || listed->shape.size() != 1) file.refuse(name + " is missing");
  const int64_t kept = listed->shape[0];
  const Positions index(file, name + ".index", rows, kept);
  const Positions count(file, name + ".count", rows, columns);
  values_ = file.place<T>(name + ".blocks", {kept, block_in_ * block_out_});
  index8_ = index.narrow, index16_ = index.wide;
  int64_t at = 0;
  for (int column = 0; column < columns; ++column) {
    if (count[column] > kept - at) {
      file.refuse(name + ": counts add up to more blocks than there are");
    }
    const int64_t end = at + count[column];
    for (int before = -1; at < end; before = index[at++]) {
      if (index[at] <= before || index[at] >= rows) {
        file.refuse(name + ": block indices are not in order");
      }
    }
    ends_.push_back(static_cast<uint32_t>(end));
  }
  if (at != kept) file.refuse(name + ": counts add up to fewer blocks than there are");
}

template <class T>
Rows<T> Matrix<T>::rows(int first, int count) const {
  Rows<T> part;
  part.first = first, part.count = count, part.outputs = outputs;
  part.values = values_;
  part.block_in = block_in_, part.block_out = block_out_;
  part.index8 = index8_, part.index16 = index16_;
  part.kept = ends_.empty() ? 0 : ends_.back();
  uint32_t k = 0;
  for (const uint32_t end : ends_) {
    while (k < end && (part.place(k) + 1) * block_in_ <= first) ++k;
    part.begins.push_back(k);
    while (k < end && part.place(k) * block_in_ < first + count) ++k;
    part.ends.push_back(k);
    k = end;
  }
  return part;
}

template class Matrix<float>;
template class Matrix<int8_t>;

}  // namespace edge_rnnt
