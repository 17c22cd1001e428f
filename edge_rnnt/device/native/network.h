// The recognizer's networks, in numbers of type T: float, or int8_t in the integer scheme
// (edge_rnnt/device/network.py). Everything here is constant; what changes lies in a stream's Memory.
#ifndef EDGE_RNNT_NETWORK_H_
#define EDGE_RNNT_NETWORK_H_

#include <memory>
#include <vector>

#include "memory.h"

namespace edge_rnnt {

// A recurrent layer.
template <class T>
class Cell {
 public:
  virtual ~Cell() = default;
  // The state before the first step; its memory is zero.
  virtual void begin(Memory memory) const = 0;
  // One row in -> one row out, which stays until the next step.
  virtual const T* step(Memory memory, const T* x) const = 0;
  // That row again.
  virtual const T* output(Memory memory) const = 0;
  virtual int output_dim() const = 0;
};

template <class T>
using Stack = std::vector<std::unique_ptr<const Cell<T>>>;

// One step of cells on top of each other, those from `first` to before `last`.
template <class T>
const T* run(const Stack<T>& cells, size_t first, size_t last, Memory memory, const T* row) {
  for (size_t k = first; k < last; ++k) row = cells[k]->step(memory, row);
  return row;
}

// Scores of every word-piece for a frame that was heard and a prediction. The two are projected
// apart, since each is used for many scores.
template <class T>
class Joint {
 public:
  virtual ~Joint() = default;
  virtual void hear(Memory memory, const T* encoded) const = 0;
  virtual void expect(Memory memory, const T* predicted) const = 0;
  // The word-piece with the highest score, the first of them if there are several.
  virtual int best(Memory memory) const = 0;
  // To look at: what was heard (part 0), what is expected (1), the scores of both (2); else nothing.
  virtual std::vector<double> part(Memory memory, int part) const = 0;
};

template <class T>
class Entrance {
 public:
  virtual ~Entrance() = default;
  // Features -> the numbers of the encoder's first layer.
  virtual void enter(const float* features, T* row) const = 0;
};

template <class T>
class Embedding {
 public:
  virtual ~Embedding() = default;
  virtual const T* row(Memory memory, int label) const = 0;
};

template <class T>
struct Network {
  Stack<T> encoder, prediction;
  std::unique_ptr<const Entrance<T>> entrance;
  std::unique_ptr<const Embedding<T>> embedding;
  std::unique_ptr<const Joint<T>> joint;
};

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_NETWORK_H_
