"""Writes the device file: one safetensors file that holds everything a recognizer needs.

  header   JSON: of every tensor its type, shape and place; and `__metadata__`, whose one entry
           "edge_rnnt" is the description of the model as JSON:
             version      2; 3 with "weights" beside the others
             scheme       "float" | "hybrid" | "integer"
             model        the sizes (export/architecture.py)
             front_end    as FrontEnd.to_json gives it
             activations  {name: {"scale", "zero_point"}} (integer only, else {})
             block        [inputs, outputs] of a block of the sparse kernels
             card         the model card, plain text
             weights      {"per", "group"} of export/layout.py, if not one scale per output
  tensors  as export/layout.py lists them, and `wordpieces`, the bytes of the sentencepiece model.
           A kernel that takes less room in blocks than dense is stored as `kernel.blocks`,
           `kernel.index`, `kernel.count` (export/blocks.py); of the others, those of 8 bits that
           are multiplied with are stored as `....panels` (export/panels.py), those of 4 bits as
           `....nibbles`, two inputs in a byte (export/nibbles.py). The entries of blocks of 4 bits
           are two in a byte as well, block by block.

The same model gives the same bytes.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors.numpy

from edge_rnnt import whole
from edge_rnnt.export import blocks, layout, nibbles, panels
from edge_rnnt.export.architecture import Architecture

DESCRIPTION = "edge_rnnt"
VERSION = 2
WEIGHTS_VERSION = 3  # only what needs it has it, so that older programs read the rest
FIELDS = ("version", "scheme", "model", "front_end", "activations", "block", "card")
WORDPIECES = "wordpieces"


class Frozen(NamedTuple):
  """A model as plain arrays, ready to be written; made by `freeze`."""

  architecture: Architecture
  scheme: str
  tensors: Mapping[str, np.ndarray]
  """As `layout.expected` lists them, kernels dense."""
  activations: Mapping[str, Mapping[str, float]]
  block: tuple[int, int]
  weights: layout.Weights = layout.PER_OUTPUT


def stored(frozen: Frozen) -> dict[str, np.ndarray]:
  """The tensors as they lie in the file: every kernel in blocks if smaller, others in panels.

  Raises ValueError naming the first tensor that is missing, unknown, or of another type or shape
  than the layout says.
  """
  expected = layout.expected(frozen.architecture, frozen.scheme, frozen.weights)
  half = frozen.weights.bits == 4
  if set(expected) != set(frozen.tensors):
    raise ValueError(f"tensors missing or unknown: {sorted(set(expected) ^ set(frozen.tensors))}")
  tensors = {}
  for name, spec in expected.items():
    tensor = np.ascontiguousarray(frozen.tensors[name])
    if (tensor.dtype, tensor.shape) != spec:
      raise ValueError(
        f"{name} is {tensor.dtype} {tensor.shape}, expected {spec.dtype} {spec.shape}"
      )
    tensors[name] = tensor
  for name in layout.kernels(frozen.architecture):
    packed = blocks.pack(tensors[name], frozen.block)
    dense = tensors[name].nbytes
    if half:
      packed, dense = packed._replace(blocks=nibbles.pack(packed.blocks, axis=1)), -(-dense // 2)
    if packed.nbytes < dense:
      del tensors[name]
      tensors |= {f"{name}.{part}": value for part, value in zip(blocks.PARTS, packed, strict=True)}
  for name in layout.panelled(frozen.architecture, frozen.scheme):
    if name in tensors and half:
      tensors[name + nibbles.NIBBLES] = nibbles.pack(tensors.pop(name), axis=0)
    elif name in tensors:
      tensors[name + panels.PANELS] = panels.pack(tensors.pop(name))
  return tensors


def describe(frozen: Frozen, front_end: Mapping[str, Any], card: str) -> str:
  """The description of the model, JSON; it reads no tensor."""
  description = {
    "version": VERSION,
    "scheme": frozen.scheme,
    "model": frozen.architecture.to_json(),
    "front_end": dict(front_end),
    "activations": frozen.activations,
    "block": list(frozen.block),
    "card": card,
  }
  if frozen.weights != layout.PER_OUTPUT:
    description |= {"version": WEIGHTS_VERSION, "weights": frozen.weights._asdict()}
  return json.dumps(description)


def write(
  path: str | Path, frozen: Frozen, front_end: Mapping[str, Any], wordpieces: bytes, card: str = ""
) -> int:
  """Writes the file, whole or not at all, and returns its size in bytes."""
  tensors = stored(frozen) | {WORDPIECES: np.frombuffer(wordpieces, np.uint8)}
  content = safetensors.numpy.save(tensors, {DESCRIPTION: describe(frozen, front_end, card)})
  with whole.writing(path) as file:
    file.write(content)
  return len(content)


def sizes(tensors: Mapping[str, np.ndarray]) -> dict[str, int]:
  """Bytes by part of the model: every layer, the embedding, the joint network, the word-pieces."""
  total: dict[str, int] = defaultdict(int)
  for name, tensor in tensors.items():
    part = name.split(".")[0].split("/")
    total["/".join(part[:2]) if part[0] != "joint" else "joint"] += tensor.nbytes
  return dict(total)
