// Sigmoid and tanh of 16-bit fixed-point numbers, tabulated: edge_rnnt/device/fixed_functions.py.
#ifndef EDGE_RNNT_KERNELS_FIXED_FUNCTIONS_H_
#define EDGE_RNNT_KERNELS_FIXED_FUNCTIONS_H_

#include <cstdint>

namespace edge_rnnt {

// Entry a + 32768 is sigmoid(a / 2^12) in Q0.15. Made on first use, then shared by all threads.
const int16_t* sigmoid_table();

// Entry a + 32768 is tanh(a / 2^(15 - integer_bits)) in Q0.15; 0 <= integer_bits <= 6.
const int16_t* tanh_table(int integer_bits);

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_KERNELS_FIXED_FUNCTIONS_H_
