"""Opens a device file: checks all of it before any of it is used, then maps its arrays in place.

What a file claims is believed only where it agrees with itself: the sizes in its model description
give the one list of tensors that may be there (export/layout.py), each with its type and shape.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.export import blocks, layout
from edge_rnnt.export.architecture import Architecture
from edge_rnnt.export.container import FORMAT, METADATA, VERSION, WORDPIECES

DTYPES = {"F32": "<f4", "I32": "<i4", "I16": "<i2", "I8": "i1", "U16": "<u2", "U8": "u1"}
BROKEN = (
  safetensors.SafetensorError,
  ValueError,
  TypeError,
  AttributeError,
  LookupError,
  ArithmeticError,
  RecursionError,
)
"""What a description that was tampered with may end in before a check of ours sees it."""

LARGEST_KERNEL = 1 << 31
LARGEST_SETTING = 200_000


class ContainerError(ValueError):
  """A device file that cannot be used; the message names the file and the reason."""


class Container(NamedTuple):
  """An open device file."""

  path: Path
  architecture: Architecture
  scheme: str
  front_end: FrontEnd
  activations: dict[str, tuple[float, int]]
  """Name -> (scale, zero point); integer scheme only."""
  block: tuple[int, int]
  card: str
  stored: dict[str, np.ndarray]
  """The tensors as they lie in the file, mapped."""

  @property
  def wordpieces(self) -> bytes:
    return self.stored[WORDPIECES].tobytes()

  def dense(self, name: str) -> np.ndarray:
    """A tensor by its name in the layout; a kernel in blocks is written out."""
    if name in self.stored:
      return self.stored[name]
    packed = blocks.BlockSparse(*(self.stored[f"{name}.{part}"] for part in blocks.PARTS))
    return blocks.unpack(packed, layout.kernels(self.architecture)[name], self.block)

  def nonzero(self) -> int:
    """Weights that are not zero, over all layers; what the word-pieces and scales hold is not
    counted.
    """
    names = list(layout.matrices(self.architecture)) + list(layout.vectors(self.architecture))
    return sum(int(np.count_nonzero(self.dense(name))) for name in names)


def read(path: str | Path) -> Container:
  """Opens and checks a device file; raises ContainerError."""
  path = Path(path)
  try:
    metadata, tensors = _map(path)
    return _check(path, metadata, tensors)
  except ContainerError:
    raise
  except OSError as error:
    raise ContainerError(f"{path}: cannot be read: {error.strerror or error}") from error
  except BROKEN as error:
    raise ContainerError(f"{path}: not a usable device file: {error}") from error


def _map(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
  # The library refuses headers that are cut, are no JSON, or whose tensors overlap, leave gaps or
  # run over the end.
  with safetensors.safe_open(path, framework="np") as file:
    metadata = file.metadata() or {}
  content = np.memmap(path, np.uint8, "r").view(np.ndarray)
  length = int.from_bytes(content[:8].tobytes(), "little")
  header = json.loads(content[8 : 8 + length].tobytes())
  header.pop("__metadata__", None)
  tensors = {}
  for name, entry in header.items():
    if entry["dtype"] not in DTYPES:
      raise ValueError(f"{name} is of type {entry['dtype']}, which no device file uses")
    begin, end = (8 + length + offset for offset in entry["data_offsets"])
    tensors[name] = content[begin:end].view(DTYPES[entry["dtype"]]).reshape(entry["shape"])
  return metadata, tensors


def _check(path: Path, metadata: Mapping[str, str], tensors: dict[str, np.ndarray]) -> Container:
  if metadata.get("format") != FORMAT:
    raise ValueError("a safetensors file, but not one of edge_rnnt's")
  if metadata.get("version") != VERSION:
    raise ValueError(
      f"format version {metadata.get('version')!r}, this program reads {VERSION!r}:"
      " export the model again, or use the edge_rnnt that wrote it"
    )
  if set(metadata) != set(METADATA):
    raise ValueError(f"metadata missing or unknown: {sorted(set(metadata) ^ set(METADATA))}")
  architecture = Architecture.from_json(_json(metadata, "model", dict))
  front_end = _front_end(_json(metadata, "front_end", dict))
  if front_end.feature_dim != architecture.feature_dim:
    raise ValueError(
      f"the front end makes {front_end.feature_dim} features,"
      f" the model takes {architecture.feature_dim}"
    )
  scheme, block = metadata["scheme"], tuple(_json(metadata, "block", list))
  if len(block) != 2 or not all(type(size) is int and 1 <= size <= 64 for size in block):
    raise ValueError(f"block is {block}, expected two sizes of 1..64")
  _check_tensors(tensors, architecture, scheme, block)
  return Container(
    path=path,
    architecture=architecture,
    scheme=scheme,
    front_end=front_end,
    activations=_activations(_json(metadata, "activations", dict), architecture, scheme),
    block=block,
    card=metadata["card"],
    stored=tensors,
  )


def _front_end(values: dict[str, Any]) -> FrontEnd:
  for name, value in values.items():
    # Its filters are computed when it is built: a size that no front end has must not get that far.
    if isinstance(value, int | float) and not abs(value) <= LARGEST_SETTING:
      raise ValueError(f"{name} of the front end is {value}")
  return FrontEnd.from_json(values)


def _check_tensors(
  tensors: Mapping[str, np.ndarray],
  architecture: Architecture,
  scheme: str,
  block: tuple[int, int],
) -> None:
  expected = layout.expected(architecture, scheme)
  known = {WORDPIECES}
  if WORDPIECES not in tensors or tensors[WORDPIECES].dtype != np.uint8:
    raise ValueError("the word-pieces are missing")
  for name, shape in layout.kernels(architecture).items():
    if name in tensors:
      continue
    if shape[0] * shape[1] > LARGEST_KERNEL:
      raise ValueError(f"{name} would have {shape[0]} x {shape[1]} entries")
    parts = [f"{name}.{part}" for part in blocks.PARTS]
    if not set(parts) <= set(tensors):
      raise ValueError(f"{name} is missing")
    dtype = expected.pop(name).dtype
    packed = blocks.BlockSparse(*(tensors[part] for part in parts))
    if packed.blocks.dtype != dtype or [part.ndim for part in packed] != [2, 1, 1]:
      raise ValueError(f"{name} is stored in blocks of another type or shape than {dtype}")
    try:
      blocks.check(packed, shape, block)
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
    if tensor.dtype == np.float32 and not np.isfinite(tensor).all():
      raise ValueError(f"{name} holds values that are not numbers")
    if name.endswith(layout.SCALE) and not (tensor > 0).all():
      raise ValueError(f"{name} holds a scale that is not positive")


def _activations(
  values: Mapping[str, Any], architecture: Architecture, scheme: str
) -> dict[str, tuple[float, int]]:
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
  return formats


def _json(metadata: Mapping[str, str], name: str, kind: type) -> Any:
  value = json.loads(metadata[name])
  if type(value) is not kind:
    raise ValueError(f"{name} is {type(value).__name__}, expected {kind.__name__}")
  return value
