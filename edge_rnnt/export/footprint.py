"""The bytes of a device file that nobody has written: from shapes and counts of blocks alone.

    8 bytes, the header's length
    header: JSON, filled up with spaces to a multiple of 8 bytes
    tensors, one after another

The header is that of a safetensors file; its description of the model is the container's own. The
count is exact for the formats, front end and word-pieces given, unless quantization makes a whole
block zero: such a block is left out of the file and counted here.
"""

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from edge_rnnt.export import blocks, container, layout, panels
from edge_rnnt.export.architecture import Architecture
from edge_rnnt.export.layout import Spec

CODES = {
  "float32": "F32",
  "int32": "I32",
  "uint16": "U16",
  "int16": "I16",
  "int8": "I8",
  "uint8": "U8",
}
"""safetensors' names of the types, in the order in which tensors lie in a file."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
  """A device file before there are weights for it.

  Attributes:
    architecture, scheme: of the model.
    kept: kernel -> how many of its blocks stay; a kernel that is not named is dense.
    block: (inputs, outputs) of a block.
    activations: formats of the integer scheme; `placeholder_formats` where nothing is calibrated.
    front_end: its JSON.
    wordpieces: bytes of the sentencepiece model.
    card: the model card.
  """

  architecture: Architecture
  scheme: str
  front_end: Mapping[str, Any]
  kept: Mapping[str, int] = dataclasses.field(default_factory=dict)
  block: tuple[int, int] = (8, 1)
  activations: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)
  wordpieces: int = 0
  card: str = ""

  @property
  def bytes(self) -> int:
    """What `container.write` would return. Raises ValueError for blocks that no kernel has."""
    specs = self.specs()
    return 8 + _header_bytes(specs, self._description()) + sum(map(_nbytes, specs.values()))

  def specs(self) -> dict[str, Spec]:
    """The tensors as they would lie in the file: as `container.stored` makes them."""
    specs = layout.expected(self.architecture, self.scheme)
    for name, kept in self.kept.items():
      if name not in layout.kernels(self.architecture):
        raise ValueError(
          f"{name} is not stored in blocks; {', '.join(layout.kernels(self.architecture))} are"
        )
      packed = _packed(specs[name], self.block, kept)
      if sum(map(_nbytes, packed.values())) < _nbytes(specs[name]):
        del specs[name]
        specs |= {f"{name}.{part}": spec for part, spec in packed.items()}
    for name in layout.panelled(self.architecture, self.scheme):
      if name in specs:
        dtype, shape = specs.pop(name)
        specs[name + panels.PANELS] = Spec(dtype, panels.shape(shape))
    return specs | {container.WORDPIECES: Spec(np.dtype(np.uint8), (self.wordpieces,))}

  def _description(self) -> str:
    frozen = container.Frozen(self.architecture, self.scheme, {}, self.activations, self.block)
    return container.describe(frozen, self.front_end, self.card)


def placeholder_formats(architecture: Architecture) -> dict[str, dict[str, float]]:
  """Formats of activations within -1..1: a few bytes each longer or shorter than real ones."""
  return {
    name: {"scale": float(np.float32(2.0 / (2**bits - 1))), "zero_point": 0}
    for name, bits in layout.activations(architecture).items()
  }


def _packed(dense: Spec, block: tuple[int, int], kept: int) -> dict[str, Spec]:
  rows, columns = blocks.grid(dense.shape, block)
  if not 0 <= kept <= rows * columns:
    raise ValueError(f"{kept} blocks of {rows * columns} are kept")
  position = np.dtype(blocks.position_dtype(rows))
  shapes = {"blocks": (kept, math.prod(block)), "index": (kept,), "count": (columns,)}
  return {
    part: Spec(dense.dtype if part == "blocks" else position, shapes[part]) for part in blocks.PARTS
  }


def _header_bytes(specs: Mapping[str, Spec], description: str) -> int:
  header: dict[str, Any] = {"__metadata__": {container.DESCRIPTION: description}}
  order, begin = list(CODES), 0
  for name in sorted(specs, key=lambda name: (order.index(specs[name].dtype.name), name)):
    end = begin + _nbytes(specs[name])
    dtype, shape = CODES[specs[name].dtype.name], list(specs[name].shape)
    header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    begin = end
  length = len(json.dumps(header, separators=(",", ":")))
  return length + -length % 8


def _nbytes(spec: Spec) -> int:
  return math.prod(spec.shape) * spec.dtype.itemsize
