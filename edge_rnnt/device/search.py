"""Greedy search on the device: at every frame the best word-piece, until blank is best.

Token for token what decode/greedy.py finds.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Shaped

from edge_rnnt.device.network import Network

MAX_SYMBOLS = 4


class Token(NamedTuple):
  """A word-piece and the encoded frame (from 0) at which it was emitted."""

  id: int
  frame: int


class GreedySearch:
  """B streams that advance frame by frame; `tokens[b]` grows as stream b speaks.

  `frames` counts the encoded frames that were searched.

  Raises ValueError when built for fewer than one symbol per frame.
  """

  def __init__(self, network: Network, blank: int, batch: int, max_symbols: int = MAX_SYMBOLS):
    if max_symbols < 1:
      raise ValueError(f"at least one symbol per frame must be allowed, got {max_symbols}")
    self._network, self._blank, self._max_symbols = network, blank, max_symbols
    self.tokens: list[list[Token]] = [[] for _ in range(batch)]
    self.frames = 0
    states = tuple(cell.initial_state(batch) for cell in network.prediction)
    self._states, self._expected = network.predict(states, np.full(batch, blank))

  def accept(
    self, rows: Shaped[np.ndarray, "B P"], present: Bool[np.ndarray, "B"] | None = None
  ) -> None:
    """The next encoded frame of every stream; streams that are not `present` have ended."""
    joint, active = self._network.joint, np.arange(len(self.tokens))
    if present is not None:
      active = active[present]
    heard = joint.encoded(rows)
    for _ in range(self._max_symbols):
      best = joint.scores(heard[active], self._expected[active]).argmax(axis=1)
      speaks = best != self._blank
      if not speaks.any():
        break
      active, best = active[speaks], best[speaks]
      for stream, token in zip(active, best, strict=True):
        self.tokens[stream].append(Token(int(token), self.frames))
      self._advance(active, best)
    self.frames += 1

  def _advance(self, streams: Shaped[np.ndarray, "S"], labels: Shaped[np.ndarray, "S"]) -> None:
    """The prediction network moves on in those streams that spoke."""
    before = tuple(type(state)(*(part[streams] for part in state)) for state in self._states)
    after, expected = self._network.predict(before, labels)
    for state, moved in zip(self._states, after, strict=True):
      for part, new in zip(state, moved, strict=True):
        part[streams] = new
    self._expected[streams] = expected
