"""Quantization-aware stages through the whole corridor, on a pruned model of made-up speech."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.device.container import read
from edge_rnnt.prune import masks, transform
from edge_rnnt.quant.formats import integer_formats
from edge_rnnt.report import results
from edge_rnnt.train.checkpoint import Checkpoints
from edge_rnnt.train.warm_start import read_weights
from experiments import build, pipeline, quantization, sweep, warm_start
from experiments.fidelity import sqnr
from experiments.speech import Speech, prepare_speech


def tune_config(make_config, workdir, scheme: str, ranges: str = "tracked"):
  config = make_config()
  config.curriculum, config.start_from = ("tune",), f"{workdir}:sparse80"
  config.pruning.start, config.quantization.ranges = 0.8, ranges
  config.stages.tune.update(steps=30, quantize=scheme, disturb=0.0)
  config.schemes, config.fidelity, config.evaluate_every = (scheme,), True, 12
  return config


@pytest.fixture(scope="module")
def tuned(workdir, make_config, make_corpora, tmp_path_factory):
  """(workdir, results) of an integer stage after pruning."""
  own = tmp_path_factory.mktemp("tuned")
  config = tune_config(make_config, workdir, "integer")
  return own, pipeline.run(config, make_corpora(), own, command="the test")


@pytest.fixture(scope="module")
def begun(workdir, make_config, make_corpora) -> tuple[Speech, build.Run]:
  """The same run before its first update."""
  config = tune_config(make_config, workdir, "integer")
  start = warm_start.read(config)
  speech = prepare_speech(config, make_corpora(), start)
  return speech, build.run(config, speech, start)


def test_masks_go_over_from_the_pruned_run_and_stay(workdir, tuned, begun):
  """What is zero in the run before is zero in the device file after, and no block besides."""
  (own, found), (_, run) = tuned, begun
  with Checkpoints(own / "checkpoints") as checkpoints:
    after, _ = checkpoints.restore_kept("tuned", run.state)
  link, first = (transform.find(each.opt_state) for each in (after, run.state))
  kept = read_weights(workdir / "checkpoints", "sparse80").params
  container = read(own / found.rows[0].device_file)
  for path, mask in link.masks.items():
    assert np.array_equal(mask, first.masks[path])
    layer = path.rpartition("/")[0].split("/")
    shape = kept[layer[0]][layer[1]]["kernel"].shape
    alive = np.asarray(masks.expand(mask, shape, link.block))
    stored = container.tensor(path)
    assert not stored[~alive].any()
    rows, columns = mask.shape
    filled = np.zeros((rows * 8, columns), np.int8)
    filled[: shape[0]] = stored
    assert np.array_equal(filled.reshape(rows, 8, columns).any(axis=1), mask)
    assert container.stored[f"{path}.count"].sum() == mask.sum()


def test_the_file_has_the_ranges_that_training_kept(tuned, begun):
  (own, found), (_, run) = tuned, begun
  with Checkpoints(own / "checkpoints") as checkpoints:
    after, _ = checkpoints.restore_kept("tuned", run.state)
  formats = integer_formats(
    jax.device_get(after.ranges.ranges),
    encoder_cell="lstm",
    prediction_cell="lstm",
    layer_norm=True,
  )
  stored = read(own / found.rows[0].device_file).activations
  for path in ("encoder/layer_0/input", "encoder/layer_1/output", "encoder/layer_1/cell"):
    assert stored[path] == (float(formats[path].scale), int(formats[path].zero_point))


def test_device_file_and_fake_quantized_model_hear_the_same(tuned):
  """The bound: at most one utterance in ten differs, every encoder tensor has 20 dB or more."""
  own, found = tuned
  (row,) = found.main_rows
  assert row.fidelity.against_model <= 0.1
  assert min(row.fidelity.sqnr.values()) > 20
  assert row.wer < 35 and row.fidelity.dev_wer < 40
  assert results.load(own / "results.json").main_rows[0].fidelity == row.fidelity


def test_a_stage_that_was_interrupted_ends_with_the_same_bits(
  workdir, tuned, begun, make_config, tmp_path
):
  (own, _), (speech, run) = tuned, begun
  config = tune_config(make_config, workdir, "integer")

  def batches(first):
    for number, batch in enumerate(run.batches(first), first):
      if number == 17:
        raise ConnectionError("the power went out")
      yield batch

  watch = pipeline.measure.Stopwatch(tmp_path / "seconds.json")
  # An update gives away the state that it gets, so each training begins with a copy.
  state = jax.tree.map(jnp.copy, run.state)
  broken = dataclasses.replace(run, batches=batches, state=state)
  with pytest.raises(ConnectionError):
    pipeline.train(config, speech, broken, tmp_path, watch)
  run = dataclasses.replace(run, state=jax.tree.map(jnp.copy, run.state))
  resumed = pipeline.train(config, speech, run, tmp_path, watch)["tuned"]
  with Checkpoints(own / "checkpoints") as checkpoints:
    straight, _ = checkpoints.restore_kept("tuned", resumed)
  for a, b in zip(
    jax.tree.leaves(straight.replace(rng=None)),
    jax.tree.leaves(resumed.replace(rng=None)),
    strict=True,
  ):
    np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def test_the_launchers_points_fit_its_config_and_may_begin_elsewhere(tmp_path):
  arguments = quantization.get_sweep(), quantization.get_config(), "module", tmp_path
  assert len(sweep.jobs(*arguments, overrides={})) == 3 * (2 * 6 + 2)
  jobs = sweep.jobs(*arguments, overrides={"start_from": "there:dense"}, only=".*-0")
  starts = {job.folder: (job.needs, job.config.start_from) for job in jobs}
  assert len(starts) == 2 * 6 + 1
  assert starts["dense-aware-integer-0"] == (None, "there:dense")
  assert starts["pruned-0"] == (None, "there:dense")
  assert starts["sparse-after-0"] == ("pruned-0", f"{tmp_path / 'pruned-0'}:pruned")


def test_sqnr_is_its_formula():
  assert sqnr(np.array([3.0, 4.0]), np.array([3.0, 4.5])) == pytest.approx(20.0)
  assert sqnr(np.ones(3), np.ones(3)) == 200.0
