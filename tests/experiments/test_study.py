"""The study's tables: what is run for them, what they share, what claims are about."""

import pytest

from edge_rnnt.model.config import RNNTConfig
from edge_rnnt.model.inventory import count
from experiments import study_point, study_tables
from experiments.sweep import Sweep, jobs

SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def questions():
  return study_tables.questions(study_point.get_config(), SEEDS)


def rows_of(points) -> set[str]:
  """Names of the rows that a joint page makes of these points."""
  return {f"{point.name}-{scheme}" for point in points for scheme in study_tables.SCHEMES}


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


def test_the_small_lstm_has_the_weights_that_the_edge_model_keeps():
  config = study_point.get_config()
  widths = {k.removeprefix("model."): v for k, v in study_tables.small_widths(config).items()}
  sizes = {"feature_dim": 160, "vocab_size": study_tables.VOCABULARY}
  own = dict(config.model)
  small = count(RNNTConfig(**sizes, **(own | widths))).total
  edge = count(RNNTConfig(**sizes, **(own | {"encoder_cell": "cifg", "prediction_cell": "sru"})))
  kernels = [count for path, count in edge.parameters.items() if path.endswith("/kernel")]
  left = edge.total - 0.5 * sum(kernels[:-1]) - 0.3 * kernels[-1]  # the last is the decoder's
  assert small == pytest.approx(left, rel=0.03)
  assert own["encoder_cells"] > widths["encoder_cells"] > widths["encoder_projection"]
