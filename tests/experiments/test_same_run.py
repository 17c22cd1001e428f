"""A run that began before a key existed, or elsewhere, is the same where that changes nothing."""

import json
import pathlib

import pytest

from experiments import recipe, same_run

HERE = pathlib.Path("runs/sweep/half-0")


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
  assert same_run.differing(older(config), as_json(config), HERE) == []


def test_a_newer_key_that_was_set_is_another_run(config):
  for name in config.stages:
    config.stages[name].disturb = 1.0
  before = older(config)
  config.fsdp, config.pruning.across, config.stages.half.disturb = True, "pattern", 0.3
  assert sorted(same_run.differing(before, as_json(config), HERE)) == [
    "fsdp",
    "pruning.across",
    "stages.half.disturb",
  ]


def test_changed_and_vanished_keys_are_another_run(config):
  before = as_json(config) | {"gone": 1}
  config.batch_size = 8
  assert sorted(same_run.differing(before, as_json(config), HERE)) == ["batch_size", "gone"]


def test_a_source_or_a_stage_more_is_another_run(config):
  before = as_json(config)
  del before["stages"]["dense"]["sources"]["strings"], before["stages"]["half"]
  told = same_run.differing(before, as_json(config), HERE)
  assert sorted(told) == ["stages.dense.sources.strings", "stages.half"]


@pytest.mark.parametrize(
  ("before", "now", "same"),
  [
    ("old/dense-0:dense", "runs/sweep/dense-0:dense", True),
    ("runs/sweep/dense-0:dense", str(HERE.parent.resolve() / "dense-0:dense"), True),
    ("old/dense-0:dense", "runs/sweep/dense-0:sparse50", False),  # another state
    ("old/dense-0:dense", "runs/sweep/dense-1:dense", False),  # another neighbour
    ("old/dense-0:dense", "elsewhere/dense-0:dense", False),  # no neighbour
    ("", "runs/sweep/dense-0:dense", False),
    ("runs/sweep/dense-0:dense", "", False),
  ],
)
def test_a_run_may_be_moved_with_the_one_that_it_begins_with(config, before, now, same):
  written = as_json(config) | {"start_from": before}
  config.start_from = now
  told = same_run.differing(written, as_json(config), HERE)
  assert told == ([] if same else ["start_from"])
