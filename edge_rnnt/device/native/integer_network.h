// A device file of the integer scheme -> its networks (edge_rnnt/device/integer_network.py).
#ifndef EDGE_RNNT_INTEGER_NETWORK_H_
#define EDGE_RNNT_INTEGER_NETWORK_H_

#include "container.h"
#include "kernels/kernels.h"
#include "network.h"

namespace edge_rnnt {

// The file must outlive the network: weights are used where they lie in it.
Network<int8_t> integer_network(const Container& file, const Kernels& kernels, Plan* plan);

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_INTEGER_NETWORK_H_
