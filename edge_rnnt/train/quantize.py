"""Quantization-aware training: the tap of every update, and the ranges that go with it.

An update sees the numbers that the device will compute with, so that the weights learn around
them (Jacob et al. 2018). Weights are rounded from their own largest values each time, and the
hybrid scheme's activations likewise. The integer scheme's formats come from ranges, which the
training state holds; they are

  tracked   range <- the wider of (seen, decay * range + (1 - decay) * seen)
  learned   those of 8-bit activations, by Adam, a step being a share of the range's width

where `seen` is what the float model does on the batch at hand. Formats of 16 bits are tracked
either way. By update:

  first .. begin - 1     ranges are tracked, nothing is rounded
  begin .. freeze - 1    rounded, ranges move
  freeze ..              rounded, ranges stay: those that the model is exported with
"""

import dataclasses
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int

from edge_rnnt.model.config import RNNTConfig
from edge_rnnt.quant import fake_quant
from edge_rnnt.quant.formats import Range, byte_ends
from edge_rnnt.quant.rules import Rules
from edge_rnnt.train.ranges import Utterances, observe


@flax.struct.dataclass
class RangeState:
  """What a training state remembers for the integer scheme.

  Attributes:
    ranges: tap path -> Range, for all that quant/formats.py asks for; 0 before anything was seen.
    moments: Adam's, of the ranges that may be learned.
  """

  # Not typed as arrays: JAX also builds this tree of shapes, of shardings and of names.
  ranges: dict[str, Any]
  moments: Any


ADAM = optax.scale_by_adam(b1=0.9, b2=0.99)


def initial_ranges(config: RNNTConfig, params: Any) -> RangeState:
  """The state of a run in which nothing was seen."""
  one = jnp.ones((1,), jnp.int32)
  frames = jnp.zeros((1, config.time_reduction, config.feature_dim))
  batch = Utterances(frames, one, one[:, None], one)
  shapes = jax.eval_shape(lambda p: observe(config, p, batch), params)
  ranges = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, jnp.float32), shapes)
  return RangeState(ranges, ADAM.init(_learnable(ranges, config)))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Aware:
  """How a stretch of training is quantized.

  Attributes:
    config: the model.
    scheme: "hybrid" or "integer".
    rules: bits of the weights.
    first, begin, freeze: updates of the run, as in the header.
    ranges: "tracked" or "learned".
    every: updates between two looks at what the activations cover.
    decay: of a tracked range.
    rate: step of a learned range in shares of its width.

  Raises ValueError for an option that is none of these, or unless first < begin <= freeze where
  there are ranges to be seen before they are used.
  """

  config: RNNTConfig
  scheme: str
  rules: Rules
  first: int
  begin: int
  freeze: int
  ranges: str = "tracked"
  every: int = 10
  decay: float = 0.9
  rate: float = 2e-3

  def __post_init__(self) -> None:
    if self.scheme not in ("hybrid", "integer"):
      raise ValueError(f"scheme is hybrid or integer, got {self.scheme!r}")
    if self.ranges not in ("tracked", "learned"):
      raise ValueError(f"ranges are tracked or learned, got {self.ranges!r}")
    if self.every < 1 or not 0 <= self.decay <= 1:
      raise ValueError(f"expected every >= 1 and 0 <= decay <= 1, got {self.every}, {self.decay}")
    seen = 1 if self.scheme == "integer" else 0
    if not self.first + seen <= self.begin <= self.freeze:
      raise ValueError(
        "ranges are seen, then used, then frozen: expected first < begin <= freeze (first = begin "
        f"for hybrid), got {self.first}, {self.begin}, {self.freeze}"
      )

  def tap(
    self, step: Int[Array, ""] | int, ranges: dict[str, Range] | None
  ) -> fake_quant.FakeQuant:
    """What the model of update `step` (counted from 0) passes its tensors through."""
    on = jnp.float32(jnp.asarray(step) >= self.begin)
    if self.scheme == "hybrid":
      return fake_quant.hybrid(self.rules).replace(on=on)
    tap = fake_quant.integer(
      ranges,
      encoder_cell=self.config.encoder_cell,
      prediction_cell=self.config.prediction_cell,
      layer_norm=self.config.layer_norm,
      rules=self.rules,
      learn=self.ranges == "learned",
    )
    return tap.replace(on=on)

  def advance(
    self,
    step: Int[Array, ""],
    state: RangeState | None,
    gradient: dict[str, Range] | None,
    params: Any,
    batch: Utterances,
  ) -> RangeState | None:
    """The ranges after update `step`, of masked parameters and the loss gradient of the ranges."""
    if self.scheme == "hybrid":
      return state
    due = (step < self.freeze) & ((step == self.first) | (step % self.every == 0))
    tracked = jax.lax.cond(
      due,
      lambda: _tracked(state.ranges, observe(self.config, params, batch), self.decay),
      lambda: state.ranges,
    )
    if self.ranges == "tracked":
      return state.replace(ranges=tracked)
    moved, moments = self._learned(state, gradient)
    learning = (step >= self.begin) & (step < self.freeze)
    before = {path: state.ranges[path] for path in moved}
    learned = _where(step < self.begin, {path: tracked[path] for path in moved}, before)
    return RangeState(
      tracked | _where(learning, moved, learned), _where(learning, moments, state.moments)
    )

  def _learned(self, state: RangeState, gradient: dict[str, Range]) -> tuple[dict[str, Range], Any]:
    old = _learnable(state.ranges, self.config)
    widths = {path: ends.high - ends.low for path, ends in old.items()}
    # By share of the width: then the step is as large for a range of 0.1 as for one of 10.
    slopes = {path: Range(*(end * widths[path] for end in gradient[path])) for path in old}
    updates, moments = ADAM.update(slopes, state.moments)
    moved = {}
    for path, ends in old.items():
      low, high = (
        end - self.rate * widths[path] * update
        for end, update in zip(ends, updates[path], strict=True)
      )
      moved[path] = Range(low, high)
    return moved, moments


def _learnable(ranges: dict[str, Range], config: RNNTConfig) -> dict[str, Range]:
  cells = {"encoder_cell": config.encoder_cell, "prediction_cell": config.prediction_cell}
  return {path: ranges[path] for path in byte_ends(ranges, **cells)}


def _tracked(old: dict[str, Range], seen: dict[str, Range], decay: float) -> dict[str, Range]:
  def slow(a: Array, b: Array) -> Array:
    return decay * a + (1 - decay) * b

  return {
    path: Range(
      jnp.minimum(new.low, slow(old[path].low, new.low)),
      jnp.maximum(new.high, slow(old[path].high, new.high)),
    )
    for path, new in seen.items()
  }


def _where(condition: Array, a: Any, b: Any) -> Any:
  return jax.tree.map(lambda x, y: jnp.where(condition, x, y), a, b)
