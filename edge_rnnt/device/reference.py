"""The reference engine: a whole recognizer in NumPy, written to be read, for every scheme.

  float    float_network.py    float_cells.py
  hybrid   the same cells and network with the products of products.py
  integer  integer_network.py  integer_cells.py (LSTM, CIFG), integer_sru.py, integer_norm.py,
                               over fixed_point.py and fixed_functions.py

It is the truth that faster engines are compared with: the integer scheme bit for bit. Sparse
kernels are written out to dense ones when a file is opened.
"""

from edge_rnnt.device.container import Container
from edge_rnnt.device.float_network import float_network
from edge_rnnt.device.integer_network import integer_network
from edge_rnnt.device.network import Network

NETWORKS = {"float": float_network, "hybrid": float_network, "integer": integer_network}


def reference_network(container: Container) -> Network:
  """The network of an open device file."""
  return NETWORKS[container.scheme](container)
