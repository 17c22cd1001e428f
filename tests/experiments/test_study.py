"""The study's tables: what is run for them, what they share, what claims are about."""

import pytest

from edge_rnnt.model.config import RNNTConfig
from experiments import inventory, study_point, study_points, study_tables
from experiments.device_bytes import DECODER, ENCODER, Model
from experiments.sweep import Sweep, jobs

SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def questions():
  return study_tables.questions(study_point.get_config(), SEEDS)


def rows_of(points) -> set[str]:
  """Names of the rows that a joint page makes of these points."""
  return {
    point.name if point.name.endswith(f"-aware-{scheme}") else f"{point.name}-{scheme}"
    for point in points
    for scheme in point.overrides.get("schemes", study_tables.SCHEMES)
  }


def test_every_model_of_a_table_comes_from_one_of_its_points(questions):
  for question in questions:
    have = rows_of(question.points)
    assert set(question.section.models) <= have, question.section.key
    for claim in question.section.claims:
      assert {claim.row, claim.base} <= have, question.section.key


def test_points_of_equal_folders_are_equal_and_their_starts_are_there(questions, tmp_path):
  everything = [point for question in questions for point in question.points]
  by_folder = {point.folder: point for point in everything}
  assert all(by_folder[point.folder] == point for point in everything)
  assert len(by_folder) < len(everything)  # tables share their dense starts
  config = study_point.get_config()
  made = jobs(
    Sweep("all", tuple(by_folder.values())),
    config,
    "experiments.study_point",
    tmp_path,
    overrides={},
  )
  assert {job.folder for job in made} == set(by_folder)


def test_tables_1_and_3_have_all_seeds(questions):
  for question in questions:
    if question.section.key in ("sparsity", "combined"):
      for name in {point.name for point in question.points}:
        assert [p.seed for p in question.points if p.name == name] == list(SEEDS), name


def test_a_page_has_the_tables_asked_for_and_what_else_was_found(questions):
  def keys(asked, found):
    return [each.key for each in study_tables.sections(questions, asked, found)]

  dense = ("lstm-0%-float", "lstm-80%-float", "lstm+lstm-float")
  assert keys(("sparsity", "combined"), dense) == ["sparsity", "combined"]
  assert keys(("sparsity",), (*dense, "cifg+sru-float")) == ["sparsity", "cells"]
  assert keys((), ()) == []
  every = [each.section.key for each in questions]
  assert keys(every, ()) == every


def test_the_small_lstm_has_the_bytes_of_the_edge_models_integer_file():
  """Counted again with the inventory's own command."""
  config = study_point.get_config()
  widths = {k.removeprefix("model."): v for k, v in study_points.small_widths(config).items()}
  sizes = {"feature_dim": 160, "vocab_size": study_points.VOCABULARY}
  own = dict(config.model)
  cells = {"encoder_cell": "cifg", "prediction_cell": "sru"}
  models = [
    Model("small", RNNTConfig(**sizes, **(own | widths)), {ENCODER: 0.0, DECODER: 0.0}),
    Model("edge", RNNTConfig(**sizes, **(own | cells)), {ENCODER: 0.5, DECODER: 0.3}),
  ]
  small, edge = (inventory.row(model, (8, 1), 0)["bytes"]["integer"] for model in models)
  assert small == pytest.approx(edge, rel=0.02)
  assert own["encoder_cells"] > widths["encoder_cells"] > widths["encoder_projection"]


def test_pruned_from_scratch_has_had_its_rivals_updates_whatever_they_are():
  config = study_point.get_config()
  config.stages.dense.steps, config.stages.prune.steps = 70, 8
  assert config.stages.scratch.steps == 78
  assert config.copy_and_resolve_references().stages.scratch.steps == 78


def test_rounded_or_not_models_differ_in_that_alone(questions):
  """Table 4 trains the same weights on with the same masks for as many updates."""
  quantized = next(each for each in questions if each.section.key == "quantization")
  for kind, start, frozen in (
    ("dense", "lstm-0%:pruned", False),
    ("sparse", "lstm-80%:pruned", True),
  ):
    points = {p.name: p for p in quantized.points if p.name.startswith(f"{kind}-")}
    after = points.pop(f"{kind}-after")
    assert after.start_from == start and after.overrides["curriculum"] == ("tune",)
    assert (after.overrides.get("pruning.start") == 0.8) is frozen
    for name, point in points.items():
      scheme = name.removeprefix(f"{kind}-aware-")
      more = {"stages.tune.quantize": scheme, "schemes": (scheme,)}
      assert (dict(point.overrides), point.start_from) == (after.overrides | more, start)
