#include "weights.h"

#include <type_traits>

namespace edge_rnnt {
namespace {

// What the kernels rely on (kernels/kernels.h): sums of bytes fit 32 bits, and a byte has a negative.
constexpr int kMostByteInputs = 32768;

template <class T>
void check_values(const Container& file, const std::string& name, const Matrix<T>& w, int64_t count) {
  if constexpr (std::is_same_v<T, int8_t>) {
    if (w.inputs > kMostByteInputs) {
      file.refuse(name + " has more inputs than sums of 32 bits allow");
    }
    if (std::find(w.values, w.values + count, -128) != w.values + count) {
      file.refuse(name + " holds -128; weights are symmetric, -127 .. 127");
    }
  }
}

// The blocks' places, Index being the type of counts and indices; returns how many blocks there are.
template <class Index, class T>
int64_t read_places(const Container& file, const std::string& name, const Index* Matrix<T>::*index,
                    Matrix<T>* w) {
  const Tensor* listed = file.find(name + ".index");
  if (!listed || listed->shape.size() != 1) file.refuse(name + " is missing");
  const int64_t kept = listed->shape[0];
  const Index* places = w->*index = file.place<Index>(name + ".index", {kept});
  const Index* count = file.place<Index>(name + ".count", {w->columns()});
  const int rows = (w->inputs + w->block_in - 1) / w->block_in;
  int64_t at = 0;
  for (int column = 0; column < w->columns(); ++column) {
    if (count[column] > kept - at) {
      file.refuse(name + ": counts add up to more blocks than there are");
    }
    const int64_t end = at + count[column];
    for (int before = -1; at < end; before = places[at++]) {
      if (places[at] <= before || places[at] >= rows) {
        file.refuse(name + ": block indices are not in order");
      }
    }
  }
  if (at != kept) file.refuse(name + ": counts add up to fewer blocks than there are");
  set_edges(count, w);
  return kept;
}

// The name under which a dense matrix is stored.
template <class T>
std::string dense_name(const std::string& name) {
  return Matrix<T>::kInPanels ? name + ".panels" : name;
}

}  // namespace

template <class T>
Matrix<T> read_matrix(const Container& file, const std::string& name, int inputs, int outputs) {
  using M = Matrix<T>;
  M w;
  w.inputs = w.split = inputs, w.outputs = outputs;
  const std::vector<int64_t> shape =
      M::kInPanels ? std::vector<int64_t>{w.panels(), w.quads(), M::kPanel, M::kQuad}
                   : std::vector<int64_t>{inputs, outputs};
  w.values = file.place<T>(dense_name<T>(name), shape);
  check_values(file, name, w, int64_t{w.stride()} * w.padded_inputs());
  return w;
}

template <class T>
Matrix<T> read_kernel(const Container& file, const Layer& layer) {
  const std::string name = layer.path + "/kernel";
  const int inputs = layer.input_dim + layer.recurrent_dim(), outputs = layer.gates() * layer.cells;
  if (file.find(dense_name<T>(name))) {
    Matrix<T> w = read_matrix<T>(file, name, inputs, outputs);
    w.split = layer.input_dim;
    return w;
  }
  Matrix<T> w;
  w.inputs = inputs, w.split = layer.input_dim, w.outputs = outputs;
  w.block_in = file.block_in, w.block_out = file.block_out;
  const bool wide = (inputs + w.block_in - 1) / w.block_in > 255;
  const int64_t kept = wide ? read_places(file, name, &Matrix<T>::index16, &w)
                            : read_places(file, name, &Matrix<T>::index8, &w);
  w.values = file.place<T>(name + ".blocks", {kept, w.block_in * w.block_out});
  check_values(file, name, w, kept * w.block_in * w.block_out);
  return w;
}

template Matrix<float> read_matrix(const Container&, const std::string&, int, int);
template Matrix<int8_t> read_matrix(const Container&, const std::string&, int, int);
template Matrix<float> read_kernel(const Container&, const Layer&);
template Matrix<int8_t> read_kernel(const Container&, const Layer&);

}  // namespace edge_rnnt
