"""Opens a device file: checks all of it before any of it is used, then maps its arrays in place."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.device.check import (
  check_activations,
  check_front_end,
  check_tensors,
  check_weights,
)
from edge_rnnt.export import blocks, layout, nibbles, panels
from edge_rnnt.export.architecture import Architecture
from edge_rnnt.export.container import (
  DESCRIPTION,
  FIELDS,
  VERSION,
  WEIGHTS_VERSION,
  WORDPIECES,
)

DTYPES = {
  "F32": "<f4",
  "I32": "<i4",
  "I16": "<i2",
  "I8": "i1",
  "F16": "<f2",
  "U16": "<u2",
  "U8": "u1",
}
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
  weights: layout.Weights
  """How a hybrid file keeps its weights; as any other has them else."""
  stored: dict[str, np.ndarray]
  """The tensors as they lie in the file, mapped."""

  @property
  def wordpieces(self) -> bytes:
    return self.stored[WORDPIECES].tobytes()

  def tensor(self, name: str) -> np.ndarray:
    """A tensor by its name in the layout; a matrix in panels or blocks is written out."""
    if name in self.stored:
      return self.stored[name]
    if name + panels.PANELS in self.stored:
      shape = layout.matrices(self.architecture)[name]
      return panels.unpack(self.stored[name + panels.PANELS], shape)
    if name + nibbles.NIBBLES in self.stored:
      inputs = layout.matrices(self.architecture)[name][0]
      return nibbles.unpack(self.stored[name + nibbles.NIBBLES], inputs, axis=0)
    packed = blocks.BlockSparse(*(self.stored[f"{name}.{part}"] for part in blocks.PARTS))
    if self.weights.bits == 4:
      area = self.block[0] * self.block[1]
      packed = packed._replace(blocks=nibbles.unpack(packed.blocks, area, axis=1))
    return blocks.unpack(packed, layout.kernels(self.architecture)[name], self.block)

  def nonzero(self) -> int:
    """How many weights are not zero; scales and word-pieces are not counted."""
    names = list(layout.matrices(self.architecture)) + list(layout.vectors(self.architecture))
    return sum(int(np.count_nonzero(self.tensor(name))) for name in names)


def read(path: str | Path) -> Container:
  """Opens and checks a device file; raises ContainerError."""
  path = Path(path)
  if path.exists() and not path.is_file():
    raise ContainerError(f"{path}: is no file: name one device file (.edge)")
  try:
    description, tensors = _map(path)
    return _check(path, description, tensors)
  except ContainerError:
    raise
  except OSError as error:
    raise ContainerError(f"{path}: cannot be read: {error.strerror or error}") from error
  except BROKEN as error:
    raise ContainerError(f"{path}: not a usable device file: {error}") from error


def _map(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
  # The library refuses headers that are cut, are no JSON, or whose tensors overlap, leave gaps or
  # run over the end.
  with safetensors.safe_open(path, framework="np") as file:
    metadata = file.metadata() or {}
  if set(metadata) != {DESCRIPTION}:
    raise ValueError("a safetensors file, but not one of edge_rnnt's")
  content = np.memmap(path, np.uint8, "r").view(np.ndarray)
  length = int.from_bytes(content[:8].tobytes(), "little")
  header = json.loads(content[8 : 8 + length].tobytes())
  del header["__metadata__"]
  tensors = {}
  for name, entry in header.items():
    if entry["dtype"] not in DTYPES:
      raise ValueError(f"{name} is of type {entry['dtype']}, which no device file uses")
    begin, end = (8 + length + offset for offset in entry["data_offsets"])
    tensors[name] = content[begin:end].view(DTYPES[entry["dtype"]]).reshape(entry["shape"])
  return json.loads(metadata[DESCRIPTION]), tensors


def _check(path: Path, description: dict[str, Any], tensors: dict[str, np.ndarray]) -> Container:
  version = description.get("version")
  if version not in (VERSION, WEIGHTS_VERSION):
    raise ValueError(
      f"format version {version!r}, this program reads {VERSION} and {WEIGHTS_VERSION}:"
      " export the model again, or use the edge_rnnt that wrote it"
    )
  fields = {*FIELDS, "weights"} if version == WEIGHTS_VERSION else set(FIELDS)
  if set(description) != fields:
    raise ValueError(f"fields missing or unknown: {sorted(set(description) ^ fields)}")
  architecture = Architecture.from_json(description["model"])
  front_end = check_front_end(description["front_end"], architecture)
  scheme, block = description["scheme"], tuple(description["block"])
  if len(block) != 2 or not all(type(size) is int and 1 <= size <= 64 for size in block):
    raise ValueError(f"block is {block}, expected two sizes of 1..64")
  if type(description["card"]) is not str:
    raise ValueError("the model card is no text")
  weights = (
    check_weights(description["weights"], scheme) if "weights" in fields else layout.PER_OUTPUT
  )
  check_tensors(tensors, architecture, scheme, block, weights)
  return Container(
    path=path,
    architecture=architecture,
    scheme=scheme,
    front_end=front_end,
    activations=check_activations(description["activations"], architecture, scheme),
    block=block,
    card=description["card"],
    weights=weights,
    stored=tensors,
  )
