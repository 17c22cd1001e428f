"""The tap that makes a float model compute with the numbers it will have on a device.

    y = dequantize(quantize(x))           forward: the very rounding of affine.py
    dx = dy where x was not clipped       backward: straight through

The ends of a format may be learned. Straight through the rounding, y is x on a grid that stretches
with them, and one of them where x lies beyond:

    dhigh = sum dy (above + inside (y - x) / (high - low))
    dlow  = sum dy (below - inside (y - x) / (high - low))

Bengio et al. 2013, "Estimating or propagating gradients through stochastic neurons" (straight-
through); Jacob et al. 2018, "Quantization and training of neural networks for efficient integer-
arithmetic-only inference"; Esser et al. 2020, "Learned step size quantization", here for a grid
with two ends.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float

from edge_rnnt.quant import rules as weight_rules
from edge_rnnt.quant.affine import Affine, dequantize, quantize, symmetric, unclipped
from edge_rnnt.quant.formats import Range, Ranges, byte_ends, integer_formats

MULTIPLIED = ("input", "hidden", "output", "encoded", "predicted")
"""Activations that enter a matrix product: what the hybrid scheme quantizes, row by row."""


@struct.dataclass
class FakeQuant:
  """A tap (edge_rnnt/cells/cell.py) with formats for activations and rules for weights.

  Taps it knows nothing of pass through. A pytree: formats are arrays in it, and may change from
  step to step without compiling again.
  """

  formats: Mapping[str, Affine]
  """Full tap path -> format of that activation."""
  rules: tuple[tuple[str, weight_rules.Rule], ...] = struct.field(pytree_node=False)
  """Pattern and rule of the weights; the first match decides."""
  dynamic: bool = struct.field(pytree_node=False, default=False)
  """Quantize what enters a product on the fly, each row with its own scale, in 8 bits."""
  ends: Mapping[str, Range] = struct.field(default_factory=dict)
  """Full tap path -> the ends that its format was made from, where these are learned."""
  on: Any = None
  """A float that turns everything off while it is 0, not a bool: losses add up the gradients of all
  that a tap holds. None: always on."""
  path: str = struct.field(pytree_node=False, default="")

  def __call__(self, name: str, x: Array) -> Array:
    rounded = self._rounded(name, x)
    return rounded if self.on is None else jnp.where(self.on > 0, rounded, x)

  def _rounded(self, name: str, x: Array) -> Array:
    path = self.path + name
    if name.endswith("kernel") or name == "embedding":
      rules = dict(self.rules)
      pattern = weight_rules.first_match(rules, path)
      return x if pattern is None else straight_through(x, _constant(rules[pattern].format(x)))
    if path in self.ends:
      return learned(x, self.formats[path], *self.ends[path])
    if path in self.formats:
      return straight_through(x, self.formats[path])
    if self.dynamic and name in MULTIPLIED:
      limit = jnp.max(jnp.abs(x), axis=-1, keepdims=True)
      return straight_through(x, _constant(symmetric(limit, 8)))
    return x

  def scope(self, name: str) -> "FakeQuant":
    return self.replace(path=f"{self.path}{name}/")


def hybrid(rules: weight_rules.Rules = weight_rules.HYBRID) -> FakeQuant:
  """The tap of the hybrid scheme; it needs no ranges."""
  return FakeQuant(formats={}, rules=tuple(rules.items()), dynamic=True)


def integer(
  ranges: Ranges,
  *,
  encoder_cell: str,
  prediction_cell: str,
  layer_norm: bool,
  rules: weight_rules.Rules = weight_rules.INTEGER,
  learn: bool = False,
) -> FakeQuant:
  """The tap of the integer scheme with these ranges; raises ValueError if one is missing.

  With `learn`, gradients flow into the ranges of activations of 8 bits. Those of 16 bits have room
  to spare, and the cell's end is a power of two.
  """
  cells = {"encoder_cell": encoder_cell, "prediction_cell": prediction_cell}
  formats = integer_formats(ranges, **cells, layer_norm=layer_norm)
  arrays = {path: _constant(format) for path, format in formats.items()}
  ends = byte_ends(ranges, **cells) if learn else {}
  return FakeQuant(formats=arrays, rules=tuple(rules.items()), ends=ends)


@jax.custom_vjp
def straight_through(x: Float[Array, "..."], format: Affine) -> Float[Array, "..."]:
  """x in the numbers of `format`; its gradient is 1 within the format's range and 0 beyond."""
  return dequantize(quantize(x, format), format).astype(x.dtype)


def _forward(x: Array, format: Affine) -> tuple[Array, tuple[Array, Affine]]:
  q = unclipped(x, format)
  return straight_through(x, format), ((q >= format.low) & (q <= format.high), format)


def _backward(saved: tuple[Array, Affine], dy: Array) -> tuple[Array, Affine]:
  inside, format = saved
  return jnp.where(inside, dy, 0), jax.tree.map(jnp.zeros_like, format)


straight_through.defvjp(_forward, _backward)


@jax.custom_vjp
def learned(
  x: Float[Array, "..."], format: Affine, low: Float[Array, ""], high: Float[Array, ""]
) -> Float[Array, "..."]:
  """As `straight_through`, with gradients for the ends `low` and `high` of the format's range."""
  del low, high
  return straight_through(x, format)


def _learned_forward(x: Array, format: Affine, low: Array, high: Array) -> tuple[Array, tuple]:
  q, y = unclipped(x, format), straight_through(x, format)
  below, above = q < format.low, q > format.high
  width = jnp.maximum(high - low, jnp.finfo(low.dtype).tiny)
  error = jnp.where(below | above, 0, y - x).astype(low.dtype) / width
  return y, (below, above, error, format)


def _learned_backward(saved: tuple, dy: Array) -> tuple[Array, Affine, Array, Array]:
  below, above, error, format = saved
  dx = jnp.where(below | above, 0, dy)
  dy = dy.astype(error.dtype)
  dlow, dhigh = jnp.sum(dy * (below - error)), jnp.sum(dy * (above + error))
  return dx, jax.tree.map(jnp.zeros_like, format), dlow, dhigh


learned.defvjp(_learned_forward, _learned_backward)


def _constant(format: Affine) -> Any:
  """Float leaves that no gradient flows into."""
  return jax.tree.map(lambda v: jax.lax.stop_gradient(jnp.asarray(v, jnp.float32)), format)
