// What the engine asks of an instruction set: one table of functions each. Nothing here allocates
// but `Matrix::pack`, which runs when a model is opened.
#ifndef EDGE_RNNT_KERNELS_KERNELS_H_
#define EDGE_RNNT_KERNELS_KERNELS_H_

#include <cstdint>
#include <vector>

#include "kernels/fixed_point.h"

namespace edge_rnnt {

// Weights ready to be multiplied, all of one kind:
//   kDense   T = int8: rows of outputs [out][in]; T = float: as in the file, [in][out]
//   kInputs  blocks of `size` consecutive inputs of one output, ordered by output: (8,1), (16,1)
//   kOutputs blocks of `size` consecutive outputs of one input, ordered by block column: (1,8)
template <class T>
struct Matrix {
  enum Kind { kDense, kInputs, kOutputs };
  Kind kind = kDense;
  int inputs = 0, outputs = 0, size = 1;
  std::vector<T> values;         // dense, or [kept][size]
  std::vector<uint32_t> begins;  // [columns + 1] first block of every column of blocks
  std::vector<uint32_t> places;  // [kept] first input of the block (kOutputs: the input)

  // From [in][out] in memory; blocks are kept where block_in x block_out is one of the kinds and
  // `sparse`, otherwise dense.
  void pack(const T* source, int in, int out, bool sparse, int block_in, int block_out);
};

// Layer norm on integers, one gate of n values (edge_rnnt/device/integer_norm.py).
struct IntegerNorm {
  const int16_t* gain = nullptr;
  const int32_t* bias = nullptr;  // nullptr: zeros
  int64_t guard = 1;
  Multiplier rescale;
};

struct Kernels {
  const char* name;
  // sums[e] = sum_d x[d] W[d][e]; exact for up to 65,536 inputs.
  void (*int8_product)(const Matrix<int8_t>& w, const int8_t* x, int32_t* sums);
  void (*float_product)(const Matrix<float>& w, const float* x, float* y);
  // y = saturate16(base + multiply(sums + bias, factor)); base is y itself if `add`, else 0;
  // factors [n / per], each for `per` neighbours.
  void (*rescale16)(const int32_t* sums, const int32_t* bias, const Multiplier* factors, int per,
                    int n, bool add, int16_t* y);
  // In place: a[n] -> Q of the norm's result.
  void (*integer_norm)(const IntegerNorm& norm, int n, int16_t* a);
  // y[k] = table[a[k] + 32768].
  void (*look_up)(const int16_t* table, const int16_t* a, int n, int16_t* y);
};

const Kernels& scalar_kernels();
// The fastest table that this processor runs.
const Kernels& best_kernels();

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_KERNELS_KERNELS_H_
