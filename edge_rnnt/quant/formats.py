"""The integer scheme's formats: ranges of the tapped activations -> scales and zero points.

  tap         format
  input       int8, asymmetric; only the first encoder layer's, others read an output
  gates       int16, max |z| * HEADROOM / 32767, one per gate; without layer norm 2^-12
  normalized  int16, 2^-12: what sigmoid and tanh take
  cell        int16, 2^(m-15), with 2^m >= max |c|, 0 <= m <= 6
  hidden      int8, symmetric (LiteRT subtracts its zero point before it saturates: only 0 is safe);
              an SRU's, which LiteRT does not have, asymmetric: 2 dB better without layer norm
  output      int8, asymmetric
  joint/sum   int16, 2^-12;   joint/hidden  int8, 2^-7

An SRU's u is kept in the format of its cell (it is mixed with it), its s in int16 like a gate; the
ranges of u, mixed and c together make the cell's format.

The same table serves fake-quant in training and the freezing of a model, hence NumPy or JAX ranges
give formats in kind. Scales are float32, as devices keep them. LiteRT's integer LSTM ("8x8_16")
uses these formats; the headroom is ours: layer norm removes the scale but not a clipped peak.
"""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from edge_rnnt.quant.affine import Affine, asymmetric, power_of_two, symmetric_scale

HEADROOM = 2.0
Q3_12 = Affine(np.float32(2.0**-12), 0, -32768, 32767)
Q0_7 = Affine(np.float32(2.0**-7), 0, -128, 127)


class Range(NamedTuple):
  """Least and greatest value seen, in float32; [G, 1] for gates, else scalar."""

  low: Any
  high: Any

  @property
  def limit(self) -> Any:
    xp = self.low.__array_namespace__()
    return xp.maximum(xp.abs(self.low), xp.abs(self.high))


Ranges = Mapping[str, Range]


def integer_formats(
  ranges: Ranges, *, encoder_cell: str, prediction_cell: str, layer_norm: bool
) -> dict[str, Affine]:
  """Tap path -> format, for a whole model; raises ValueError if a tap has no range."""
  formats = {"joint/sum": Q3_12, "joint/hidden": Q0_7}
  formats["encoder/layer_0/input"] = _byte(_range(ranges, "encoder/layer_0/input"))
  layers = sorted({path.rsplit("/", 1)[0] for path in ranges if "/layer_" in path})
  for layer in layers:
    cell = encoder_cell if layer.startswith("encoder/") else prediction_cell
    make = _sru if cell == "sru" else _lstm
    formats |= {f"{layer}/{name}": f for name, f in make(ranges, layer, layer_norm).items()}
    formats[f"{layer}/output"] = _byte(_range(ranges, f"{layer}/output"))
    if f"{layer}/hidden" in ranges:
      hidden = _range(ranges, f"{layer}/hidden")
      even = Affine(symmetric_scale(hidden.limit, 8))
      formats[f"{layer}/hidden"] = _byte(hidden) if cell == "sru" else even
  return formats


def byte_ends(ranges: Ranges, *, encoder_cell: str, prediction_cell: str) -> dict[str, Range]:
  """Tap path -> the ends of its int8 format, for every activation that has one and a range.

  These are what a format's scale and zero point come from, and so what can be learned of it.
  """
  ends = {}
  for path, seen in ranges.items():
    name = path.rpartition("/")[2]
    cell = encoder_cell if path.startswith("encoder/") else prediction_cell
    if name == "hidden" and cell != "sru":
      ends[path] = Range(-seen.limit, seen.limit)
    elif name in ("hidden", "output") or path == "encoder/layer_0/input":
      xp = seen.low.__array_namespace__()
      zero = xp.zeros_like(seen.low)
      ends[path] = Range(xp.minimum(seen.low, zero), xp.maximum(seen.high, zero))
  return ends


def _lstm(ranges: Ranges, layer: str, layer_norm: bool) -> dict[str, Affine]:
  gates = _range(ranges, f"{layer}/gates").limit
  cell = power_of_two(_range(ranges, f"{layer}/cell").limit)
  return {
    "gates": _gate(gates) if layer_norm else Q3_12,
    "normalized": Q3_12,
    "cell": cell,
  }


def _sru(ranges: Ranges, layer: str, layer_norm: bool) -> dict[str, Affine]:
  gates, shifted = (_range(ranges, f"{layer}/{name}").limit for name in ("gates", "normalized"))
  xp = gates.__array_namespace__()
  held = [_range(ranges, f"{layer}/cell").limit, gates[0, 0]]
  if layer_norm:
    held.append(_range(ranges, f"{layer}/mixed").limit)
  cell = power_of_two(functools.reduce(xp.maximum, held))
  u, s = xp.reshape(cell.scale, (1, 1)), _gate(shifted[3:]).scale
  f_r = xp.full((2, 1), Q3_12.scale)
  before = _gate(gates[1:3]).scale if layer_norm else f_r
  formats = {
    "gates": Q3_12._replace(scale=xp.concat([u, before, s])),
    "normalized": Q3_12._replace(scale=xp.concat([u, f_r, s])),
    "cell": cell,
  }
  return formats | ({"mixed": cell} if layer_norm else {})


def _gate(limit: Any) -> Affine:
  return Q3_12._replace(scale=symmetric_scale(limit * HEADROOM, 16))


def _byte(seen: Range) -> Affine:
  return asymmetric(seen.low, seen.high)


def _range(ranges: Ranges, path: str) -> Range:
  if path not in ranges:
    raise ValueError(f"no range was recorded for {path}; recorded: {', '.join(sorted(ranges))}")
  return ranges[path]
