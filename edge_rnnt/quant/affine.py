"""Numbers of few bits: how a real value becomes an integer and comes back.

    q = clip(round(x * (1 / scale)) + zero_point, low, high)       x' = (q - zero_point) * scale

`round` is to nearest, ties to even: what `numpy.round`, `jax.numpy.round` and the conversion
instructions of x86 and ARM do. The reciprocal is written out because XLA turns some divisions into
it; so host, fake-quant and device agree in every bit. (Between integers, on the device, ties go
away from zero: device/fixed_point.py.)

Every function takes NumPy or JAX arrays and answers in kind.
"""

from typing import Any, NamedTuple


class Affine(NamedTuple):
  """One format; scale and zero_point broadcast against the values. A pytree, being a tuple."""

  scale: Any
  zero_point: Any = 0
  low: Any = -128
  high: Any = 127


def symmetric_scale(limit: Any, bits: int) -> Any:
  """limit * (1 / (2^(bits-1) - 1)), so that zero is zero and -limit .. limit is used.

  A limit of 0 gets scale 1: all values are zero. Raises ValueError for less than 2 bits.
  """
  if bits < 2:
    raise ValueError(f"a symmetric format needs 2 bits or more, got {bits}")
  xp = _namespace(limit)
  return xp.where(limit > 0, limit * (1 / (2 ** (bits - 1) - 1)), xp.ones_like(limit))


def symmetric(limit: Any, bits: int) -> Affine:
  """The format for values in -limit..limit, e.g. weights: integers in -(2^(bits-1) - 1) ..
  2^(bits-1) - 1.
  """
  top = 2 ** (bits - 1) - 1
  return Affine(symmetric_scale(limit, bits), 0, -top, top)


def asymmetric(low: Any, high: Any, bits: int = 8) -> Affine:
  """The format for activations in low..high: the range is widened to hold 0, which is exact.

    scale = (high - low) / (2^bits - 1);   zero_point = clip(round(-2^(bits-1) - low / scale))

  As LiteRT's calibrator does (8 bits: scale = range / 255).
  """
  xp = _namespace(low)
  low, high = xp.minimum(low, xp.zeros_like(low)), xp.maximum(high, xp.zeros_like(high))
  scale = xp.where(high > low, (high - low) * (1 / (2**bits - 1)), xp.ones_like(low))
  bottom, top = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
  zero_point = xp.clip(xp.round(bottom - low * (1 / scale)), bottom, top)
  return Affine(scale, zero_point, bottom, top)


def power_of_two(limit: Any, bits: int = 16, largest: int = 6) -> Affine:
  """The format whose range is the least power of two that covers -limit .. limit.

    scale = 2^(m - bits + 1),   2^m >= limit,   0 <= m <= largest

  Values beyond 2^largest saturate (the device's fixed-point tanh has at most 6 integer bits).
  """
  xp = _namespace(limit)
  # frexp and ldexp are exact; XLA's logarithm of 8 may lie above 3.
  fraction, above = xp.frexp(xp.maximum(limit, xp.ones_like(limit)))
  exponent = xp.clip(above - (fraction == 0.5), 0, largest)
  scale = xp.ldexp(xp.ones_like(limit), exponent - (bits - 1))
  return Affine(scale, 0, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def quantize(x: Any, affine: Affine) -> Any:
  """Integers in the float type of x: clip(round(x * (1 / scale)) + zero_point, low, high)."""
  return _namespace(x).clip(unclipped(x, affine), affine.low, affine.high)


def unclipped(x: Any, affine: Affine) -> Any:
  """round(x * (1 / scale)) + zero_point."""
  return _namespace(x).round(x * (1 / affine.scale)) + affine.zero_point


def dequantize(q: Any, affine: Affine) -> Any:
  """(q - zero_point) * scale."""
  return (q - affine.zero_point) * affine.scale


def _namespace(x: Any) -> Any:
  if not hasattr(x, "__array_namespace__"):
    raise TypeError(f"expected a NumPy or JAX array, got {type(x).__name__}")
  return x.__array_namespace__()
