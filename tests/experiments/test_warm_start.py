"""A run that begins with another's weights, and is the same whether it was interrupted or not."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.prune import transform
from edge_rnnt.train.checkpoint import CheckpointError, Checkpoints
from edge_rnnt.train.warm_start import read_weights
from experiments import build, measure, pipeline, warm_start
from experiments.speech import Speech, prepare_speech

UPDATES = 40


@pytest.fixture
def config(make_config, workdir):
  """40 updates of pruning from the dense state, the masks made anew every 5 of the first 24."""
  config = make_config()
  config.curriculum = ("half",)
  config.start_from = f"{workdir}:dense"
  config.evaluate_every = 14  # a checkpoint each time
  config.pruning.every = 5
  return config


def begin(config, corpora) -> tuple[Speech, build.Run]:
  start = warm_start.read(config)
  speech = prepare_speech(config, corpora, start)
  return speech, build.run(config, speech, start)


def assert_same_bits(state, other):
  state, other = (each.replace(rng=jax.random.key_data(each.rng)) for each in (state, other))
  for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(other), strict=True):
    np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def test_weights_speech_and_nothing_else_are_taken_over(config, workdir, make_corpora):
  corpora = make_corpora()
  corpora.train["commands"] = corpora.dev["commands"]  # other speech has another mean
  speech, run = begin(config, corpora)
  kept = read_weights(workdir / "checkpoints", "dense")
  jax.tree.map(np.testing.assert_array_equal, run.state.params, kept.params)
  jax.tree.map(np.testing.assert_array_equal, run.state.ema, kept.ema)
  theirs = prepare_speech(config, make_corpora())
  assert speech.front_end == theirs.front_end != prepare_speech(config, corpora).front_end
  assert speech.pieces.model == theirs.pieces.model
  link = transform.find(run.state.opt_state)
  assert int(link.count) == int(run.state.step) == 0
  assert all(np.all(mask) for mask in link.masks.values())


def test_interrupted_in_mid_pruning_it_ends_with_the_same_bits(config, make_corpora, tmp_path):
  """Killed at update 17, while the sparsity rises: parameters, masks, what ever fell, averages."""
  speech, run = begin(config, make_corpora())

  def train(workdir, breaks_at=None):
    def batches(first):
      for number, batch in enumerate(run.batches(first), first):
        if number == breaks_at:
          raise ConnectionError("the power went out")
        yield batch

    # An update gives away the state that it gets, so each training begins with a copy.
    fresh = jax.tree.map(jnp.copy, run.state)
    broken = dataclasses.replace(run, batches=batches, state=fresh)
    workdir.mkdir(exist_ok=True)
    watch = measure.Stopwatch(workdir / "seconds.json")
    return pipeline.train(config, speech, broken, workdir, watch)["sparse50"]

  undisturbed = train(tmp_path / "undisturbed")
  with pytest.raises(ConnectionError):
    train(tmp_path / "broken", breaks_at=17)
  with Checkpoints(tmp_path / "broken" / "checkpoints") as checkpoints:
    assert checkpoints.latest_step() == 14
    between, _ = checkpoints.restore_latest(undisturbed)
  assert 0 < float(transform.sparsity(between.opt_state)) < 0.5
  resumed = train(tmp_path / "broken")
  assert int(resumed.step) == UPDATES
  assert float(transform.sparsity(resumed.opt_state)) == pytest.approx(0.5, abs=0.005)
  assert_same_bits(resumed, undisturbed)


@pytest.mark.parametrize(
  ("change", "told"),
  [
    ({"start_from": "runs/dense"}, "WORKDIR:NAME"),
    ({"start_from": "no/such/run:dense"}, "no/such/run.*config.json"),
    ({"model.encoder_cells": 40}, "encoder_cells is 40 here and 32 there"),
    ({"front_end.clip": 3.0}, "clip is 3.0 here and 4.0 there"),
    ({"window": 3}, "simple/.*: kept nothing"),
  ],
)
def test_another_model_or_front_end_is_refused(config, make_corpora, change, told):
  config.update_from_flattened_dict(change)
  with pytest.raises(ValueError, match=told):
    begin(config, make_corpora())


def test_a_state_that_was_not_kept_is_named(config, workdir):
  config.start_from = f"{workdir}:sparse99"
  with pytest.raises(CheckpointError, match=r"sparse99.*dense.*sparse50"):
    warm_start.read(config)
