"""Every published and derived parameter count that concerns the dense models and their kernels."""

import pytest

from edge_rnnt.model.inventory import count
from edge_rnnt.model.presets import PRESETS, preset


def sparsities(encoder: float, prediction: float) -> dict[str, float]:
  return {"encoder/.*/kernel": encoder, "prediction/.*/kernel": prediction}


def test_the_papers_model_has_its_published_size():
  inventory = count(preset("paper_lstm"))
  assert inventory.total == 122_098_304
  prunable = inventory.selected(sparsities(0.5, 0.5))
  kernels = {path.removesuffix("/kernel"): inventory.parameters[path] for path in prunable}
  assert sum(kernels.values()) == 104_857_600 == 100 * 2**20
  wide, narrow = 15_728_640, 10_485_760
  encoder = [9_437_184, narrow, wide, *[narrow] * 5]
  assert kernels == {
    **{f"encoder/layer_{k}": n for k, n in enumerate(encoder)},
    "prediction/layer_0": 6_291_456,
    "prediction/layer_1": narrow,
  }
  assert inventory.of("joint") == 819_840 + 2_625_536
  assert inventory.of("prediction") + inventory.of("joint") == 23_401_088
  assert inventory.parameters["prediction/embedding"] == 524_288
  assert sum(n for path, n in inventory.parameters.items() if path.endswith("projection")) == (
    13_107_200
  )


@pytest.mark.parametrize(
  ("sparsity", "millions", "share"), [(0.5, 69.7, 57.1), (0.7, 48.7, 39.9), (0.8, 38.2, 31.3)]
)
def test_pruned_kernels_leave_the_published_sizes(sparsity, millions, share):
  inventory = count(preset("paper_lstm"))
  left = inventory.nonzero(sparsities(sparsity, sparsity))
  assert round(left / 1e6, 1) == millions
  assert round(100 * left / inventory.total, 1) == share


@pytest.mark.parametrize(
  ("name", "parameters"),
  [
    ("paper_lstm_lstm", 122_098_304),
    ("paper_lstm_cifg", 117_895_808),
    ("paper_lstm_sru", 111_608_448),
    ("paper_cifg_lstm", 100_045_440),
    ("paper_cifg_cifg", 95_842_944),
    ("paper_cifg_sru", 89_555_584),
    ("paper_edge", 89_555_584),
    ("paper_sru_lstm", 80_138_880),
    ("paper_sru_cifg", 75_936_384),
    ("paper_sru_sru", 69_649_024),
  ],
)
def test_other_cells_in_the_same_sizes(name, parameters):
  assert count(preset(name)).total == parameters


@pytest.mark.parametrize(
  ("encoder", "prediction", "millions"),
  [
    (0.5, 0.0, 56.53),
    (0.5, 0.3, 54.64),
    (0.5, 0.5, 53.38),
    (0.6, 0.0, 49.92),
    (0.7, 0.3, 41.43),
    (0.8, 0.3, 34.82),
  ],
)
def test_the_edge_model_after_pruning(encoder, prediction, millions):
  left = count(preset("paper_edge")).nonzero(sparsities(encoder, prediction))
  assert round(left / 1e6, 2) == millions


def test_the_small_dense_yardstick_is_as_large_as_the_pruned_edge_model():
  small = count(preset("paper_small_lstm")).total
  pruned = count(preset("paper_edge")).nonzero(sparsities(0.5, 0.3))
  assert round(small / 1e6, 1) == 54.6
  assert abs(small - pruned) < 0.002 * pruned


def test_laptop_models_are_small():
  assert 0.6e6 < count(preset("small")).total < 0.7e6
  assert count(preset("tiny")).total < 0.15e6


def test_auxiliary_heads_are_not_counted():
  assert count(preset("small", ctc=True, simple=True)) == count(preset("small"))


def test_preset_changes_sizes_and_refuses_what_it_does_not_know():
  assert preset("small", vocab_size=33).blank == 32
  assert PRESETS["small"].vocab_size == 70
  with pytest.raises(ValueError, match=r"no preset is called 'large'; there are paper_cifg_cifg, "):
    preset("large")
  with pytest.raises(ValueError, match=r"no such sizes: \['cells'\]"):
    preset("small", cells=3)
  with pytest.raises(ValueError, match="the model has no 'decoder'"):
    count(preset("tiny")).of("decoder")
