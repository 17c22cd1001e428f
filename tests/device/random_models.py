"""Device files of any shape with random numbers in them, made without training or calibration."""

from pathlib import Path
from typing import Any

import numpy as np

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.export import layout
from edge_rnnt.export.architecture import Architecture
from edge_rnnt.export.container import Frozen, write
from edge_rnnt.text.wordpiece import WordPieces

BLOCKS = {"dense": (64, 64), "8x1": (8, 1), "1x8": (1, 8), "16x1": (16, 1)}
"""How kernels are stored; nothing is zero where they are to be dense."""

FRONT_END = FrontEnd(
  sample_rate=8000,
  num_mels=5,
  stack=3,
  stride=2,
  tail_seconds=0.04,
  mean=(-6.0, -4.7, -3.9, -3.2, -2.6),  # of the noise that tests feed
  std=(0.35, 0.38, 0.32, 0.26, 0.2),
  clip=3.0,
)


def architecture(cell: str, vocab_size: int, **changes: Any) -> Architecture:
  """Odd sizes everywhere, so that every vector has an end that is left over."""
  return Architecture(
    **{
      "feature_dim": FRONT_END.feature_dim,
      "vocab_size": vocab_size,
      "encoder_cell": cell,
      "encoder_layers": 3,
      "encoder_cells": 43,
      "encoder_projection": 21,
      "time_reduction": 2,
      "time_reduction_after": 1,
      "embedding_dim": 11,
      "prediction_cell": cell,
      "prediction_layers": 2,
      "prediction_cells": 37,
      "prediction_projection": 19,
      "joint_dim": 29,
      "layer_norm": True,
      **changes,
    }
  )


def write_model(
  path: Path,
  shape: Architecture,
  scheme: str,
  storage: str,
  wordpieces: bytes,
  rng: np.random.Generator,
  front_end: FrontEnd = FRONT_END,
) -> Path:
  block = BLOCKS[storage]
  tensors = {
    name: _values(name, spec, scheme, shape, rng)
    for name, spec in layout.expected(shape, scheme).items()
  }
  blank = tensors["joint/output_bias"][-1:]
  blank -= 1500 if scheme == "integer" else 1  # or little would be said
  if storage != "dense":
    for name in layout.kernels(shape):
      tensors[name] = tensors[name] * _mask(tensors[name].shape, block, rng)
  activations = _activations(shape, rng) if scheme == "integer" else {}
  frozen = Frozen(shape, scheme, tensors, activations, block)
  write(path, frozen, front_end.to_json(), wordpieces, card="random numbers")
  return path


def vocabulary(wordpieces: bytes) -> int:
  return WordPieces(wordpieces).vocab_size


def _values(
  name: str, spec: layout.Spec, scheme: str, shape: Architecture, rng: np.random.Generator
) -> np.ndarray:
  """Numbers that keep gates and scores away from their limits, most of the time."""
  matrices = layout.matrices(shape)
  if name in matrices:
    if spec.dtype == np.int8:
      return rng.integers(-127, 128, spec.shape).astype(np.int8)
    return (rng.standard_normal(spec.shape) / np.sqrt(spec.shape[0]) * 1.5).astype(np.float32)
  if name.endswith(layout.SCALE):
    of = name.removesuffix(layout.SCALE)
    inputs = matrices[of][0] if of in matrices else 1
    limit = 2.5 / np.sqrt(inputs) / 127 if of in matrices else 1.5 / 32767
    return (limit * rng.uniform(0.5, 1.5, spec.shape)).astype(np.float32)
  if spec.dtype == np.int32:
    return rng.integers(-3000, 3000, spec.shape).astype(np.int32)
  if spec.dtype == np.int16:
    return rng.integers(-32767, 32768, spec.shape).astype(np.int16)
  return rng.standard_normal(spec.shape).astype(np.float32)


def _mask(shape: tuple[int, int], block: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
  """Most blocks are zero; one column of blocks is all zero, and one has none that is."""
  keep = rng.random([-(-size // side) for size, side in zip(shape, block, strict=True)]) < 0.3
  keep[:, 0], keep[:, -1] = False, True
  return np.kron(keep, np.ones(block, np.int8))[: shape[0], : shape[1]].astype(np.int8)


def _activations(shape: Architecture, rng: np.random.Generator) -> dict[str, dict[str, Any]]:
  found = {}
  for layer in shape.layers:
    cell = 2.0 ** -int(rng.integers(10, 16))
    found[f"{layer.path}/cell"] = {"scale": cell, "zero_point": 0}
    for gate in layer.gates:
      scale = 8 / 32768 * (float(rng.uniform(0.5, 2)) if layer.layer_norm else 1.0)
      if layer.cell == "sru" and gate == "u":
        scale = cell
      found[f"{layer.path}/gates/{gate}"] = {"scale": scale, "zero_point": 0}
    for name in ("hidden", "output") if layer.projection else ("output",):
      found[f"{layer.path}/{name}"] = _byte_format(rng)
  found["encoder/layer_0/input"] = _byte_format(rng)
  return found


def _byte_format(rng: np.random.Generator) -> dict[str, Any]:
  return {"scale": float(rng.uniform(0.7, 2) / 127), "zero_point": int(rng.integers(-20, 20))}
