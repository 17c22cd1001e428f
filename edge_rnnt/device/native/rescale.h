// M (sums + b): what turns a product's sums of bytes into numbers of a format.
#ifndef EDGE_RNNT_RESCALE_H_
#define EDGE_RNNT_RESCALE_H_

#include <cstdint>
#include <vector>

#include "kernels/kernels.h"

namespace edge_rnnt {

// A format of 8 bits: real = (q - zero) * scale.
struct Format {
  float scale = 1;
  int zero = 0;
};

class Rescale {
 public:
  // Of the sums over the rows first .. last - 1 of w, whose vector has the zero point `zero`: its share
  // goes into the bias, b - zero sum_d W_d. The outputs fall into as many equal groups as there are
  // factors. `bias` [outputs] may be empty.
  Rescale(const Matrix<int8_t>& w, int first, int last, int zero, const std::vector<int32_t>& bias,
          const std::vector<float>& factors, const Kernels& kernels);

  // y = saturate16(M (sums + b)), or with y added before it saturates.
  void into16(const int32_t* sums, int16_t* y) const { to16(sums, false, y); }
  void onto16(const int32_t* sums, int16_t* y) const { to16(sums, true, y); }
  // y = saturate8(M (sums + b) + zero); one factor.
  void into8(const int32_t* sums, int zero, int8_t* y) const;
  // y = M (sums + b), which always fits 32 bits; one factor.
  void into32(const int32_t* sums, int32_t* y) const;

 private:
  void to16(const int32_t* sums, bool add, int16_t* y) const;

  const Kernels& kernels_;
  std::vector<int32_t> bias_;
  std::vector<Multiplier> factors_;
};

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_RESCALE_H_
