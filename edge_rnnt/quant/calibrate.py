"""Ranges of a cell's activations, for quantization after training.

A recording tap may not be read inside a compiled loop, so the loop is ours: a scan over
`cell.step` whose outputs are what the tap saw in that step.
"""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from edge_rnnt.quant.formats import Range, Ranges
from edge_rnnt.shapes import Lengths, Sequence

Params = Mapping[str, Array]


@runtime_checkable
class Cell(Protocol):
  """What is needed of a cell; edge_rnnt/cells/cell.py has the whole contract."""

  def initial_state(self, batch: int) -> Any: ...

  def step(self, params: Params, state: Any, x: Array, tap: Any) -> tuple[Any, Array]: ...


PER_GATE = ("gates", "normalized")


class Recorder:
  """A tap that notes least and greatest value of every activation, over a batch's valid rows.

  Gates are recorded apart ([G, 1]), everything else as a whole. Weights are left alone.
  """

  def __init__(self, valid: Bool[Array, "B"], seen: dict[str, Range] | None = None, path: str = ""):
    self._valid, self._path = valid, path
    self.seen: dict[str, Range] = {} if seen is None else seen

  def __call__(self, name: str, x: Array) -> Array:
    if not name.endswith("kernel"):
      axes = (0, -1) if name in PER_GATE else tuple(range(x.ndim))
      valid = self._valid.reshape(-1, *(1,) * (x.ndim - 1))
      kwargs = {"axis": axes, "keepdims": name in PER_GATE, "where": valid}
      seen = Range(jnp.min(x, initial=jnp.inf, **kwargs), jnp.max(x, initial=-jnp.inf, **kwargs))
      self.seen[self._path + name] = Range(*(v[0] if name in PER_GATE else v for v in seen))
    return x

  def scope(self, name: str) -> "Recorder":
    return Recorder(self._valid, self.seen, f"{self._path}{name}/")


def unroll_and_record(
  cell: Cell, params: Params, xs: Sequence, lengths: Lengths
) -> tuple[Float[Array, "B T P"], dict[str, Any]]:
  """One layer over whole utterances: outputs (zero beyond `lengths`) and the Range of each tap."""
  batch, frames, _ = xs.shape

  def body(state: Any, frame: tuple[Array, Array]) -> tuple[Any, tuple[Array, dict[str, Range]]]:
    x, valid = frame
    tap = Recorder(valid)
    state, y = cell.step(params, state, jnp.where(valid[:, None], x, 0), tap)
    return state, (jnp.where(valid[:, None], y, 0), tap.seen)

  valid = jnp.arange(frames) < lengths[:, None]
  steps = (jnp.swapaxes(xs, 0, 1), jnp.swapaxes(valid, 0, 1))
  _, (ys, seen) = jax.lax.scan(body, cell.initial_state(batch), steps)
  ranges = {name: Range(r.low.min(axis=0), r.high.max(axis=0)) for name, r in seen.items()}
  return jnp.swapaxes(ys, 0, 1), ranges


def widen(ranges: Ranges, seen: Mapping[str, Any]) -> dict[str, Range]:
  """The ranges after more was seen: the least of the lows, the greatest of the highs."""
  widened = dict(ranges)
  for name, (low, high) in seen.items():
    old = ranges.get(name, Range(np.asarray(np.inf), np.asarray(-np.inf)))
    low, high = np.minimum(old.low, low), np.maximum(old.high, high)
    widened[name] = Range(np.asarray(low, np.float32), np.asarray(high, np.float32))
  return widened
