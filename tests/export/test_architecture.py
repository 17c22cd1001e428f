"""What the device knows of a model agrees with the model."""

import jax
import pytest

from edge_rnnt.export.architecture import Architecture
from edge_rnnt.export.layout import expected
from edge_rnnt.model.config import CELLS, RNNTConfig, without_auxiliary
from edge_rnnt.model.rnnt import init
from edge_rnnt.trees import flatten

SIZES = {
  "feature_dim": 12,
  "vocab_size": 7,
  "encoder_layers": 3,
  "encoder_cells": 10,
  "encoder_projection": 6,
  "embedding_dim": 5,
  "prediction_layers": 2,
  "prediction_cells": 9,
  "prediction_projection": None,
  "joint_dim": 8,
}


def config(**changes) -> RNNTConfig:
  return RNNTConfig(**SIZES | changes)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
  "changes",
  [
    {},
    {"layer_norm": False, "ctc": True, "simple": True},
    {"encoder_projection": None, "time_reduction_after": 0, "ctc": True},
  ],
)
def test_the_float_layout_is_the_models_parameter_tree(cell, changes):
  model = config(encoder_cell=cell, prediction_cell="cifg", **changes)
  shapes = jax.eval_shape(lambda key: init(model, key), jax.random.key(0))
  shapes = {part: each for part, each in shapes.items() if part not in ("ctc", "simple")}
  tree = {path: leaf.shape for path, leaf in flatten(shapes).items()}
  layout = expected(Architecture.from_json(without_auxiliary(model.to_json())), "float")
  assert {name: spec.shape for name, spec in layout.items()} == tree


def test_json_brings_back_the_same_architecture():
  architecture = Architecture.from_json(without_auxiliary(config().to_json()))
  assert Architecture.from_json(architecture.to_json()) == architecture
  assert architecture.blank == 6


@pytest.mark.parametrize(
  ("changes", "reason"),
  [
    ({"encoder_cell": "gru"}, "encoder_cell is 'gru', expected one of lstm, cifg, sru"),
    ({"joint_dim": 0}, "joint_dim is 0, expected a whole number 1"),
    ({"time_reduction_after": 3}, "there are only 3 encoder layers"),
    ({"prediction_layers": 300}, "more than 256 layers"),
    ({"extra": 1}, r"unknown \['extra'\]"),
  ],
)
def test_what_is_no_model_is_refused(changes, reason):
  with pytest.raises(ValueError, match=reason):
    Architecture.from_json(without_auxiliary(config().to_json()) | changes)


def test_a_missing_size_is_named():
  values = without_auxiliary(config().to_json())
  del values["joint_dim"]
  with pytest.raises(ValueError, match=r"lacks.*joint_dim"):
    Architecture.from_json(values)


def test_an_unknown_scheme_lists_the_known_ones():
  with pytest.raises(ValueError, match="'int4', expected one of float, hybrid, integer"):
    expected(Architecture.from_json(without_auxiliary(config().to_json())), "int4")
