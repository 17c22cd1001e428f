"""The recognizer's three networks; what differs between schemes is handed in.

A `Network` holds cells whose `step(state, x)` maps rows to rows, a function that brings features
into the encoder's numbers, an embedding table in the prediction network's numbers, and a joint
network. B streams advance in lock step.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int, Shaped

Rows = Shaped[np.ndarray, "B _"]
States = tuple[Any, ...]


@runtime_checkable
class Cell(Protocol):
  """A recurrent layer in some scheme's numbers; its state is a tuple of arrays [B, ...]."""

  def initial_state(self, batch: int) -> Any: ...

  def step(self, state: Any, x: Rows) -> tuple[Any, Rows]: ...


@runtime_checkable
class Joint(Protocol):
  """Scores of every word-piece, up to a positive factor.

  Frames and predictions are projected apart, since each is used for many scores.
  """

  def encoded(self, rows: Rows) -> Rows: ...

  def predicted(self, rows: Rows) -> Rows: ...

  def scores(self, encoded: Rows, predicted: Rows) -> Rows: ...


class Encoder(NamedTuple):
  """Layers 0 .. below - 1 run on every frame, the others on `reduction` joined neighbours."""

  layers: Sequence[Cell]
  feature_dim: int
  reduction: int
  below: int
  enter: Callable[[Float32[np.ndarray, "B F"]], Rows]
  """Features -> the numbers of the first layer."""


class Network(NamedTuple):
  """A model in memory."""

  encoder: Encoder
  prediction: Sequence[Cell]
  embedding: Shaped[np.ndarray, "V E"]
  joint: Joint

  def predict(self, states: States, labels: Int[np.ndarray, "B"]) -> tuple[States, Rows]:
    """One more label per stream (the blank first) -> states, and the prediction for the joint."""
    states, rows = run(self.prediction, states, self.embedding[labels])
    return states, self.joint.predicted(rows)


def run(cells: Sequence[Cell], states: States, rows: Rows) -> tuple[States, Rows]:
  """One step of a stack of cells."""
  after = []
  for cell, state in zip(cells, states, strict=True):
    state, rows = cell.step(state, rows)
    after.append(state)
  return tuple(after), rows


class EncoderStream:
  """Feeds frames of features to an encoder, one at a time for B streams.

  An encoded row comes out when its group of frames is complete.
  """

  def __init__(self, encoder: Encoder, batch: int) -> None:
    self._encoder, self._batch = encoder, batch
    self._states = tuple(cell.initial_state(batch) for cell in encoder.layers)
    self._waiting: list[Rows] = []

  def accept(self, frames: Float32[np.ndarray, "B F"]) -> Rows | None:
    """The next frame of every stream -> an encoded row, or None if its group is not full."""
    encoder, below = self._encoder, self._encoder.below
    states, rows = run(encoder.layers[:below], self._states[:below], encoder.enter(frames))
    self._states = states + self._states[below:]
    self._waiting.append(rows)
    if len(self._waiting) < encoder.reduction:
      return None
    joined, self._waiting = np.concatenate(self._waiting, axis=1), []
    states, encoded = run(encoder.layers[below:], self._states[below:], joined)
    self._states = self._states[:below] + states
    return encoded

  def finish(self) -> Rows | None:
    """The audio has ended: zero frames fill up the group that has begun; None if none has."""
    row = None
    while self._waiting:
      row = self.accept(np.zeros((self._batch, self._encoder.feature_dim), np.float32))
    return row
