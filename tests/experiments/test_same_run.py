"""A workdir begun before a key existed is the same run while the key is at its default."""

import json

import pytest

from experiments import recipe, same_run


@pytest.fixture
def config():
  return recipe.get_config()


def as_json(config) -> dict:
  return json.loads(config.to_json_best_effort())


def older(config) -> dict:
  """As it was written before three keys existed: one of all, one of a part, one of every stage."""
  written = as_json(config)
  del written["fsdp"], written["pruning"]["across"]
  for stage in written["stages"].values():
    del stage["disturb"]
  return written


def test_newer_keys_count_as_their_defaults(config):
  for name in config.stages:
    config.stages[name].disturb = 1.0
  assert same_run.differing(older(config), as_json(config)) == []


def test_a_newer_key_that_was_set_is_another_run(config):
  for name in config.stages:
    config.stages[name].disturb = 1.0
  before = older(config)
  config.fsdp, config.pruning.across, config.stages.half.disturb = True, "pattern", 0.3
  assert sorted(same_run.differing(before, as_json(config))) == [
    "fsdp",
    "pruning.across",
    "stages.half.disturb",
  ]


def test_changed_and_vanished_keys_are_another_run(config):
  before = as_json(config) | {"gone": 1}
  config.batch_size = 8
  assert sorted(same_run.differing(before, as_json(config))) == ["batch_size", "gone"]


def test_a_source_or_a_stage_more_is_another_run(config):
  before = as_json(config)
  del before["stages"]["dense"]["sources"]["strings"], before["stages"]["half"]
  told = same_run.differing(before, as_json(config))
  assert sorted(told) == ["stages.dense.sources.strings", "stages.half"]
