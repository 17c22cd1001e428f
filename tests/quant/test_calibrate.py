"""Recorded ranges are those of a plain loop, and padding is not looked at."""

import jax
import numpy as np
import pytest

from edge_rnnt.cells.cifg import CIFG
from edge_rnnt.cells.lstm import LSTM
from edge_rnnt.cells.sru import SRU
from edge_rnnt.quant.calibrate import unroll_and_record, widen
from edge_rnnt.quant.formats import Range

CELLS = [LSTM(cells=6, projection=4), CIFG(cells=5), SRU(cells=6, projection=4)]


class Keep:
  """A tap that keeps everything."""

  def __init__(self) -> None:
    self.kept: dict[str, jax.Array] = {}

  def __call__(self, name, x):
    self.kept[name] = x
    return x

  def scope(self, name):
    return self


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: type(cell).__name__)
def test_ranges_are_those_of_a_loop_over_single_utterances(cell):
  params = cell.init(jax.random.key(0), 3)
  xs = np.array(jax.random.normal(jax.random.key(1), (3, 4, 3)))
  lengths = np.array([4, 2, 3])
  for row, length in zip(xs, lengths, strict=True):
    row[length:] = np.nan

  @jax.jit
  def step(state, x):
    tap = Keep()
    return *cell.step(params, state, x, tap), tap.kept

  outputs, activations = np.zeros((3, 4, cell.output_dim), np.float32), {}
  for row, length in enumerate(lengths):
    state = cell.initial_state(1)
    for t in range(length):
      state, y, kept = step(state, xs[row : row + 1, t])
      outputs[row, t] = y[0]
      for name, value in kept.items():
        if not name.endswith("kernel"):
          activations.setdefault(name, []).append(np.asarray(value))
  record = jax.jit(unroll_and_record, static_argnums=0)
  ys, ranges = record(cell, params, xs, lengths)
  np.testing.assert_allclose(ys, outputs, atol=1e-6)
  assert set(ranges) == set(activations)
  for name, kept in activations.items():
    axes = (0, 1, 3) if name in ("gates", "normalized") else None
    low, high = np.stack(kept).min(axis=axes), np.stack(kept).max(axis=axes)
    np.testing.assert_allclose(np.squeeze(ranges[name].low), low, atol=1e-6)
    np.testing.assert_allclose(np.squeeze(ranges[name].high), high, atol=1e-6)


def test_ranges_only_widen():
  first = {"a": Range(np.float32(-1), np.float32(2)), "b": Range(np.float32(0), np.float32(0))}
  seen = {"a": Range(np.float32(-3), np.float32(1)), "c": Range(np.float32(5), np.float32(6))}
  widened = widen({k: Range(*map(np.asarray, v)) for k, v in first.items()}, seen)
  assert {k: (float(r.low), float(r.high)) for k, r in widened.items()} == {
    "a": (-3, 2),
    "b": (0, 0),
    "c": (5, 6),
  }
