"""The tap that makes a float model compute with the numbers it will have on a device.

    x -> dequantize(quantize(x))          forward: the very rounding of affine.py
    dx = dy where x was not clipped       backward: straight through

Bengio et al. 2013, "Estimating or propagating gradients through stochastic neurons" (straight-
through); Jacob et al. 2018, "Quantization and training of neural networks for efficient integer-
arithmetic-only inference".
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float

from edge_rnnt.quant import rules as weight_rules
from edge_rnnt.quant.affine import Affine, dequantize, quantize, symmetric, unclipped
from edge_rnnt.quant.formats import Ranges, integer_formats

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
  path: str = struct.field(pytree_node=False, default="")

  def __call__(self, name: str, x: Array) -> Array:
    path = self.path + name
    if name.endswith("kernel") or name == "embedding":
      rules = dict(self.rules)
      pattern = weight_rules.first_match(rules, path)
      return x if pattern is None else straight_through(x, _constant(rules[pattern].format(x)))
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
) -> FakeQuant:
  """The tap of the integer scheme with calibrated ranges; raises ValueError if one is missing."""
  formats = integer_formats(
    ranges, encoder_cell=encoder_cell, prediction_cell=prediction_cell, layer_norm=layer_norm
  )
  arrays = {path: _constant(format) for path, format in formats.items()}
  return FakeQuant(formats=arrays, rules=tuple(rules.items()))


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


def _constant(format: Affine) -> Any:
  """Float leaves that no gradient flows into."""
  return jax.tree.map(lambda v: jax.lax.stop_gradient(jnp.asarray(v, jnp.float32)), format)
