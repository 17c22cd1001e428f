"""A small model's parameters without training or compiling anything."""

import copy
import functools
from pathlib import Path

import jax
import numpy as np
import pytest

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.device.container import Container, read
from edge_rnnt.export.architecture import Architecture
from edge_rnnt.export.container import write
from edge_rnnt.export.freeze import freeze
from edge_rnnt.export.layout import activations, expected
from edge_rnnt.model.config import RNNTConfig, without_auxiliary
from edge_rnnt.quant.formats import Range
from edge_rnnt.text.wordpiece import train_wordpieces


class Model:
  """config, params (nested, as trained) and ranges (as calibrated) of a random model."""

  def __init__(self, cell: str = "lstm", seed: int = 0, **changes) -> None:
    sizes = {
      "feature_dim": 20,
      "vocab_size": 11,
      "encoder_layers": 2,
      "time_reduction_after": 1,
      "encoder_cells": 24,
      "encoder_projection": 16,
      "embedding_dim": 8,
      "prediction_layers": 1,
      "prediction_cells": 16,
      "prediction_projection": 8,
      "joint_dim": 12,
    }
    cells = {"encoder_cell": cell, "prediction_cell": cell}
    self.config = RNNTConfig(**cells | sizes | changes)
    self.architecture = Architecture.from_json(without_auxiliary(self.config.to_json()))
    rng = np.random.default_rng(seed)
    self.params: dict = {}
    for path, (_, shape) in expected(self.architecture, "float").items():
      *parents, leaf = path.split("/")
      node = self.params
      for parent in parents:
        node = node.setdefault(parent, {})
      node[leaf] = rng.standard_normal(shape).astype(np.float32)
    self.ranges = {}
    for name in activations(self.architecture):
      self.ranges[name] = Range(*np.sort(rng.uniform(-3, 3, 2)).astype(np.float32)[:, None])
    for layer in self.architecture.layers:
      for name in ("gates", "normalized"):
        high = rng.uniform(1, 5, (len(layer.gates), 1)).astype(np.float32)
        self.ranges[f"{layer.path}/{name}"] = Range(-high, high)
      self.ranges[f"{layer.path}/mixed"] = self.ranges[f"{layer.path}/cell"]
    self.ranges = {
      name: r if name.endswith(("gates", "normalized")) else Range(*(np.asarray(v[0]) for v in r))
      for name, r in self.ranges.items()
      if "/gates/" not in name
    }


@pytest.fixture
def model():
  return Model


WORDS = "zero one two three four five six seven eight nine"


def _as_trained(weights: np.ndarray) -> np.ndarray:
  """Matrices small enough that values stay in the range of a trained model's."""
  return weights / np.sqrt(np.float32(len(weights))) if weights.ndim == 2 else weights


class Spoken:
  """A random model that hears 16 kHz, in one scheme: frozen, and everything beside it."""

  def __init__(self, cell: str, scheme: str, block: tuple[int, int] = (8, 1), **changes) -> None:
    self.wordpieces = train_wordpieces([WORDS], vocab_size=12, model_type="word")
    sizes = {"vocab_size": 12, "feature_dim": 24, "prediction_layers": 2}
    self.model = Model(cell, **(sizes | changes))
    self.model.params = jax.tree.map(_as_trained, self.model.params)
    rng = np.random.default_rng(1)
    self.front_end = FrontEnd(
      sample_rate=16000, num_mels=6, high_hz=8000.0, tail_seconds=0.05, clip=3.0,
      mean=tuple(rng.uniform(-9, -7, 6).tolist()), std=tuple(rng.uniform(2, 4, 6).tolist()),
    )  # fmt: skip
    self.frozen = freeze(
      self.model.params, self.model.config, scheme, ranges=self.model.ranges, block=block
    )
    self.samples = (0.1 * rng.standard_normal(16000)).astype(np.float32)

  def open(self, folder: Path) -> Container:
    """Through the file, as a device would."""
    path = folder / "model.edge"
    write(path, self.frozen, self.front_end.to_json(), self.wordpieces)
    return read(path)


@pytest.fixture(scope="session")
def spoken():
  return functools.cache(Spoken)


def _talkative(example: Spoken) -> Spoken:
  """The model with more of what it hears in its scores: chance alone makes one that says nothing,
  or the same in every frame."""
  tensors = dict(example.frozen.tensors)
  for name, factor in (("joint/encoder", 25.0), ("joint/prediction", 3.0)):
    scaled = name if example.frozen.scheme == "float" else f"{name}.scale"
    tensors[scaled] = tensors[scaled] * np.float32(factor)
  bias = np.zeros_like(tensors["joint/output_bias"])
  bias[-1] = 0.5
  bias[0] = -100.0  # sherpa-onnx never emits <unk>
  example = copy.copy(example)
  example.frozen = example.frozen._replace(tensors=tensors | {"joint/output_bias": bias})
  return example


@pytest.fixture(scope="session")
def talkative():
  return _talkative
