"""A config travels as JSON and refuses what no model could have."""

import json

import pytest

from edge_rnnt.model.config import RNNTConfig
from edge_rnnt.model.presets import PRESETS, preset


def test_json_round_trip():
  config = preset("small", encoder_cell="sru", prediction_projection=None, ctc=True)
  assert RNNTConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
  assert config != PRESETS["small"]


def test_json_names_what_is_wrong():
  values = PRESETS["small"].to_json()
  del values["joint_dim"]
  values["depth"] = 3
  with pytest.raises(ValueError, match=r"unknown keys \['depth'\], missing keys \['joint_dim'\]"):
    RNNTConfig.from_json(values)


@pytest.mark.parametrize(
  ("change", "message"),
  [
    ({"encoder_cell": "gru"}, r"encoder_cell must be one of \['cifg', 'lstm', 'sru'\], got 'gru'"),
    ({"prediction_cell": "LSTM"}, "prediction_cell must be one of"),
    ({"joint_dim": 0}, "joint_dim must be at least 1, got 0"),
    ({"encoder_projection": 0}, "encoder_projection must be at least 1, got 0"),
    ({"vocab_size": 1}, "vocab_size must be at least 2, got 1"),
    ({"time_reduction_after": -1}, "time_reduction_after must be at least 0, got -1"),
    ({"time_reduction_after": 3}, "time_reduction_after=3 needs an encoder layer above it"),
    ({"simple": True}, "needs ctc=True"),
  ],
)
def test_refuses_impossible_sizes(change, message):
  with pytest.raises(ValueError, match=message):
    preset("small", **change)
