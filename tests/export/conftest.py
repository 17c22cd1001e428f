"""A small model's parameters without training or compiling anything."""

import numpy as np
import pytest

from edge_rnnt.export.architecture import Architecture
from edge_rnnt.export.layout import activations, expected
from edge_rnnt.model.config import RNNTConfig, without_auxiliary
from edge_rnnt.quant.formats import Range


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
    self.config = RNNTConfig(encoder_cell=cell, prediction_cell=cell, **sizes | changes)
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
