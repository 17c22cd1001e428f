"""The reference engine: a whole recognizer in NumPy, written to be read, for every scheme.

  float    float_network.py    float_cells.py
  hybrid   the same cells and network with the products of products.py
  integer  integer_network.py  integer_cells.py (LSTM, CIFG), integer_sru.py, integer_norm.py,
                               over fixed_point.py and fixed_functions.py

It is the truth that faster engines are compared with: the integer scheme bit for bit. Sparse
kernels are written out to dense ones when a file is opened.
"""

import numpy as np

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.device.container import Container
from edge_rnnt.device.float_network import float_network
from edge_rnnt.device.integer_network import integer_network
from edge_rnnt.device.network import Encoder, EncoderStream, Network
from edge_rnnt.device.search import GreedySearch, Token

NETWORKS = {"float": float_network, "hybrid": float_network, "integer": integer_network}


def reference_network(container: Container) -> Network:
  """The network of an open device file."""
  return NETWORKS[container.scheme](container)


class ReferenceStream:
  """One utterance from samples to tokens."""

  def __init__(self, front_end: FrontEnd, encoder: Encoder, search: GreedySearch) -> None:
    self._front_end = front_end.stream()
    self._encoder = EncoderStream(encoder, 1)
    self._search = search

  def accept(self, samples: np.ndarray) -> None:
    """More audio, float [n] in [-1, 1]."""
    self._consume(self._front_end.accept(samples))

  def finish(self) -> None:
    self._consume(self._front_end.finish())
    encoded = self._encoder.finish()
    if encoded is not None:
      self._search.accept(encoded)

  @property
  def tokens(self) -> list[Token]:
    return self._search.tokens[0]

  @property
  def frames(self) -> int:
    """Encoded frames searched so far."""
    return self._search.frames

  def _consume(self, features: np.ndarray) -> None:
    for row in features:
      encoded = self._encoder.accept(row[None])
      if encoded is not None:
        self._search.accept(encoded)
