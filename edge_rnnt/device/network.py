"""The recognizer's three networks over numbers of any scheme: what differs between schemes is
handed in.

A `Network` holds cells whose `step(state, x)` maps rows to rows, a function that brings features
into the encoder's numbers, an embedding table in the prediction network's numbers, and a joint
network. B streams advance in lock step.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from jaxtyping import Float32, Int, Shaped

Rows = Shaped[np.ndarray, "B D"]
States = tuple[Any, ...]


class Cell(Protocol):
  """A recurrent layer in some scheme's numbers; its state is a tuple of arrays [B, ...]."""

  def initial_state(self, batch: int) -> Any: ...

  def step(self, state: Any, x: Rows) -> tuple[Any, Rows]: ...


class Joint(Protocol):
  """Scores for (frame, labels so far), up to a positive factor; the two inputs are projected
  apart, being reused.
  """

  def encoded(self, rows: Rows) -> Rows: ...

  def predicted(self, rows: Rows) -> Rows: ...

  def scores(self, encoded: Rows, predicted: Rows) -> Rows: ...


class Encoder(NamedTuple):
  """Layers 0 .. below - 1 run on every frame, the others on `reduction` joined neighbours."""

  layers: Sequence[Cell]
  reduction: int
  below: int
  enter: Callable[[Float32[np.ndarray, "B F"]], Rows]
  """Features -> the numbers of the first layer."""
  silence: Sequence[Any]
  """What zero is in the numbers that each layer reads."""


class Network(NamedTuple):
  """A model in memory."""

  encoder: Encoder
  prediction: Sequence[Cell]
  embedding: Shaped[np.ndarray, "V E"]
  joint: Joint

  def predict(self, states: States, labels: Int[np.ndarray, "B"]) -> tuple[States, Rows]:
    """One more label per stream (the blank first) -> states, and the prediction projected for the
    joint.
    """
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
  """Feeds frames to an encoder, one at a time for B streams; an encoded row comes out when its
  frames are complete.
  """

  def __init__(self, encoder: Encoder, batch: int) -> None:
    self._encoder = encoder
    self._states = tuple(cell.initial_state(batch) for cell in encoder.layers)
    self._waiting: list[Rows] = []

  def accept(
    self, frames: Float32[np.ndarray, "B F"], present: Shaped[np.ndarray, "B"] | None = None
  ) -> Rows | None:
    """The next frame of every stream; where `present` is false the stream has ended and the frame
    is padding.
    """
    encoder, below = self._encoder, self._encoder.below
    states, rows = run(encoder.layers[:below], self._states[:below], encoder.enter(frames))
    self._states = states + self._states[below:]
    if present is not None:
      rows = np.where(present[:, None], rows, encoder.silence[below])
    return self._join(rows)

  def finish(self) -> Rows | None:
    """The audio has ended -> the row of the frames still waiting, filled up with silence; None if
    none wait.
    """
    encoder, row = self._encoder, None
    while self._waiting:
      row = self._join(np.full_like(self._waiting[0], encoder.silence[encoder.below]))
    return row

  def _join(self, rows: Rows) -> Rows | None:
    encoder, below = self._encoder, self._encoder.below
    self._waiting.append(rows)
    if len(self._waiting) < encoder.reduction:
      return None
    joined, self._waiting = np.concatenate(self._waiting, axis=1), []
    states, encoded = run(encoder.layers[below:], self._states[below:], joined)
    self._states = self._states[:below] + states
    return encoded
