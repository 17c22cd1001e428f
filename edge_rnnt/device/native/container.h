// The device file (edge_rnnt/export/container.py), mapped, with every offset, shape and type checked.
#ifndef EDGE_RNNT_CONTAINER_H_
#define EDGE_RNNT_CONTAINER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "json.h"

namespace edge_rnnt {

struct Tensor {
  std::string dtype;
  std::vector<int64_t> shape;
  const uint8_t* data = nullptr;
  int64_t bytes = 0;
};

struct Layer {
  std::string path, cell;
  int input_dim = 0, cells = 0, projection = 0;  // projection 0: none
  bool layer_norm = false;
  int gates() const { return cell == "cifg" ? 3 : 4; }
  int normalized() const { return !layer_norm ? 0 : cell == "lstm" ? 4 : 3; }
  int output_dim() const { return projection ? projection : cells; }
  int recurrent_dim() const { return cell == "sru" ? 0 : output_dim(); }
};

struct Activation {
  double scale = 1;
  int zero = 0;
};

class Container {
 public:
  // Throws std::runtime_error, saying what is wrong, for a file that cannot be used.
  explicit Container(const std::string& path);
  ~Container();
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;

  std::string scheme;
  int block_in = 1, block_out = 1;
  int feature_dim, vocab_size, time_reduction, time_reduction_after;
  int embedding_dim, joint_dim;
  std::vector<Layer> encoder, prediction;
  Json front_end;

  // All of these throw std::runtime_error as well.
  Activation activation(const std::string& name, int bits) const;
  const Tensor& tensor(const std::string& name, const char* dtype,
                       const std::vector<int64_t>& shape) const;
  const Tensor& wordpieces() const;
  // nullptr if there is none of that name; its shape and type are anything.
  const Tensor* find(const std::string& name) const;
  // In place, as T (float, int8_t, int16_t, int32_t, uint8_t, uint16_t); floats are finite, scales
  // positive.
  template <class T>
  const T* place(const std::string& name, const std::vector<int64_t>& shape) const;
  // A copy of the same.
  template <class T>
  std::vector<T> values(const std::string& name, const std::vector<int64_t>& shape) const;
  // Throws with the file's name before the reason.
  [[noreturn]] void refuse(const std::string& why) const;

 private:
  void read_header();
  void read_description(const Json& description);
  void close();

  std::string path_;
  const uint8_t* map_ = nullptr;
  int64_t size_ = 0;
  std::map<std::string, Tensor> tensors_;
  Json activations_;
};

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_CONTAINER_H_
