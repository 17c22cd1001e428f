"""What a device file's parts must satisfy before they are used; every function raises ValueError.

What a file claims is believed only where it agrees with itself: the sizes in its model description
give the one list of tensors that may be there (export/layout.py), each with its type and shape.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.export import blocks, layout, nibbles, panels
from edge_rnnt.export.architecture import Architecture
from edge_rnnt.export.container import WORDPIECES

LARGEST_KERNEL = 1 << 31
LARGEST_SETTING = 200_000
LONGEST_TAIL = 60  # seconds
LARGEST_BIAS = 1 << 30
MOST_BYTE_INPUTS = 32768
"""So that a sum of bytes' products and a bias fit 32 bits."""


def check_front_end(values: Mapping[str, Any], architecture: Architecture) -> FrontEnd:
  """The front end that a file describes, if it makes the features that the model takes."""
  for name, value in values.items():
    # Its filters are computed when it is built: a size that no front end has must not get that far.
    if isinstance(value, int | float) and not abs(value) <= LARGEST_SETTING:
      raise ValueError(f"{name} of the front end is {value}")
  front_end = FrontEnd.from_json(values)
  if front_end.tail_seconds > LONGEST_TAIL:
    raise ValueError(f"tail_seconds of the front end is {front_end.tail_seconds}, at most 60")
  if front_end.feature_dim != architecture.feature_dim:
    raise ValueError(
      f"the front end makes {front_end.feature_dim} features,"
      f" the model takes {architecture.feature_dim}"
    )
  return front_end


def check_tensors(
  tensors: Mapping[str, np.ndarray],
  architecture: Architecture,
  scheme: str,
  block: tuple[int, int],
  weights: layout.Weights,
) -> None:
  """All tensors of the layout are there and no other, of their type and shape, with sane values."""
  expected = layout.expected(architecture, scheme, weights)
  known = {WORDPIECES}
  if WORDPIECES not in tensors or tensors[WORDPIECES].dtype != np.uint8:
    raise ValueError("the word-pieces are missing")
  half = weights.bits == 4
  for name, shape in layout.panelled(architecture, scheme).items():
    dense = name + (nibbles.NIBBLES if half else panels.PANELS)
    if dense in tensors or name not in layout.kernels(architecture):
      dtype = expected.pop(name).dtype
      nibbled = layout.Spec(np.dtype("uint8"), nibbles.shape(shape))
      expected[dense] = nibbled if half else layout.Spec(dtype, panels.shape(shape))
  for name, shape in layout.kernels(architecture).items():
    if name in tensors or name not in expected:
      continue
    if shape[0] * shape[1] > LARGEST_KERNEL:
      raise ValueError(f"{name} would have {shape[0]} x {shape[1]} entries")
    parts = [f"{name}.{part}" for part in blocks.PARTS]
    if not set(parts) <= set(tensors):
      raise ValueError(f"{name} is missing")
    dtype = np.dtype("uint8") if half else expected[name].dtype
    del expected[name]
    packed = blocks.BlockSparse(*(tensors[part] for part in parts))
    if packed.blocks.dtype != dtype or [part.ndim for part in packed] != [2, 1, 1]:
      raise ValueError(f"{name} is stored in blocks of another type or shape than {dtype}")
    try:
      area = block[0] * block[1]
      blocks.check(packed, shape, block, width=-(-area // 2) if half else area)
    except ValueError as error:
      raise ValueError(f"{name}: {error}") from error
    known |= set(parts)
  if set(tensors) != known | set(expected):
    raise ValueError(
      f"tensors missing or unknown: {sorted(set(tensors) ^ (known | set(expected)))}"
    )
  for name, spec in expected.items():
    found = (tensors[name].dtype, tensors[name].shape)
    if found != spec:
      raise ValueError(f"{name} is {found[0]} {found[1]}, expected {spec.dtype} {spec.shape}")
  for name, tensor in tensors.items():
    if tensor.dtype.kind == "f" and not np.isfinite(tensor).all():
      raise ValueError(f"{name} holds values that are not numbers")
    if name.endswith(layout.SCALE) and not (tensor > 0).all():
      raise ValueError(f"{name} holds a scale that is not positive")
    if tensor.dtype == np.int32 and not (np.abs(tensor.astype(np.int64)) <= LARGEST_BIAS).all():
      raise ValueError(f"{name} holds a bias beyond 30 bits, which no export writes")
    if tensor.dtype == np.int8 and (tensor == -128).any():
      raise ValueError(f"{name} holds -128; weights are symmetric, -127 .. 127")
  if scheme != "float":
    for name, (inputs, _) in layout.matrices(architecture).items():
      if inputs > MOST_BYTE_INPUTS and name != "prediction/embedding":
        raise ValueError(f"{name} has {inputs} inputs, sums of 32 bits allow {MOST_BYTE_INPUTS}")


def check_weights(values: Mapping[str, Any], scheme: str) -> layout.Weights:
  """How a file says that it keeps its weights."""
  if scheme != "hybrid":
    raise ValueError(f"only hybrid files keep their weights in several ways, this is {scheme}")
  if set(values) != set(layout.Weights._fields):
    raise ValueError(f"weights has fields {sorted(values)}, expected {layout.Weights._fields}")
  per, group = values["per"], values["group"]
  if per not in ("tensor", "group"):
    raise ValueError(f"weights have a scale per {per!r}, expected tensor or group")
  least, most = (1, layout.LARGEST_GROUP) if per == "group" else (0, 0)
  if type(group) is not int or not least <= group <= most:
    raise ValueError(f"a group of weights is {group!r}, expected a whole number {least}..{most}")
  return layout.Weights(per, group)


def check_activations(
  values: Mapping[str, Any], architecture: Architecture, scheme: str
) -> dict[str, tuple[float, int]]:
  """The formats of the activations, by name: (scale, zero point)."""
  bits = layout.activations(architecture) if scheme == "integer" else {}
  if set(values) != set(bits):
    raise ValueError(f"activations missing or unknown: {sorted(set(values) ^ set(bits))}")
  formats = {}
  for name, value in values.items():
    scale, zero_point = value["scale"], value["zero_point"]
    limit = 2 ** (bits[name] - 1)
    if type(scale) is not float or not 0 < scale < float("inf"):
      raise ValueError(f"the scale of {name} is {scale!r}, expected a positive number")
    if type(zero_point) is not int or not (-limit <= zero_point < limit):
      raise ValueError(f"the zero point of {name} is {zero_point!r}, not one of {bits[name]} bits")
    if bits[name] == 16 and zero_point != 0:
      raise ValueError(f"the zero point of {name} is {zero_point}, 16-bit formats have none")
    if name.endswith("/cell") and scale not in {2.0**-k for k in range(9, 16)}:
      raise ValueError(f"the scale of {name} is {scale}, expected a power of two of 2^-15..2^-9")
    formats[name] = (scale, zero_point)
  for layer in architecture.layers if formats else ():
    if layer.cell == "sru" and formats[f"{layer.path}/gates/u"] != formats[f"{layer.path}/cell"]:
      raise ValueError(f"{layer.path}: u and the cell it is mixed with have different scales")
  return formats
