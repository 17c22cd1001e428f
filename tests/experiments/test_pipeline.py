"""The whole corridor on a made-up language: train, prune, quantize, export, stream, page."""

import json
import pathlib
import subprocess
import sys

import jax
import numpy as np
import pytest
import soundfile

from data.corpora import Corpora
from data.tones import tone_source
from edge_rnnt.device.engine import Recognizer
from edge_rnnt.inputs.rejected import ManifestReport
from edge_rnnt.report import results
from edge_rnnt.report.hypotheses import read_hypotheses
from edge_rnnt.train.checkpoint import Checkpoints
from experiments import build, identity, measure, pipeline
from experiments.speech import prepare_speech


@pytest.fixture(scope="module")
def found(workdir) -> results.Results:
  return results.load(workdir / "results.json")


def test_the_recognizer_learned_and_every_scheme_kept_it(found):
  wers = {(row.scheme, row.sparsity): row.wer for row in found.main_rows}
  assert len(wers) == 9
  # Chance is above 75; so small a model misses most of what 80 % of its weights did.
  assert max(wer for (_, sparsity), wer in wers.items() if sparsity < 0.6) < 35
  assert max(wers.values()) < 55
  assert {row.set for row in found.rows} == {"all"}  # one test set needs no rows of its own


def test_sparsity_is_exact_and_shrinks_the_files(workdir, found):
  rows = {row.name: row for row in found.main_rows}
  for name, share in (("dense", 0.0), ("sparse50", 0.5), ("sparse80", 0.8)):
    row = rows[f"{name}-float"]
    assert row.sparsity == pytest.approx(share, abs=0.005)  # blocks are counted whole
    kernel = Recognizer.open(workdir / row.device_file).container.tensor("encoder/layer_0/kernel")
    blocks = np.abs(kernel.reshape(-1, 8, kernel.shape[1])).sum(axis=1)
    assert np.mean(blocks == 0) == pytest.approx(share, abs=0.005)
  sizes = [rows[f"{name}-integer"].bytes for name in ("dense", "sparse50", "sparse80")]
  assert sizes == sorted(sizes, reverse=True)
  assert rows["sparse80-integer"].bytes < rows["dense-float"].bytes / 4


def test_streaming_says_what_was_measured(workdir, found, make_corpora):
  """Chunk by chunk through the device file, against the hypotheses of the page."""
  source = make_corpora().test["commands"]
  for row in found.main_rows:
    said = {each.id: each.hypothesis for each in read_hypotheses(workdir / row.hypotheses)}
    recognizer = Recognizer.open(workdir / row.device_file)
    for item in range(0, len(source), 5):
      stream, samples = recognizer.stream(), source[item].samples
      for begin in range(0, len(samples), 333):
        stream.accept(samples[begin : begin + 333])
      stream.finish()
      assert stream.text == said[source.id(item)]


def test_rows_know_their_training(found):
  """Weights, dev WER where the transducer was trained, and what came back."""
  rows = {row.name: row for row in found.main_rows}
  for row in found.main_rows:
    assert row.weights == row.name.removesuffix(f"-{row.scheme}")
    assert 0 <= row.dev_wer < 60
  assert rows["dense-float"].blocks_back == 0 < rows["sparse80-float"].blocks_back < 0.5


def test_the_page_is_there_and_says_what_it_is(workdir):
  page = (workdir / "report.html").read_text()
  assert "chords, not speech" in page and "sparse80-integer" in page
  assert "synthetic" in page.lower()


def test_transcribe_runs_the_file_as_a_user_would(workdir, found, tmp_path):
  sample = sorted((workdir / "samples").glob("*.wav"))[0]
  audio, rate = soundfile.read(sample)
  soundfile.write(tmp_path / "stereo.flac", np.stack([audio, audio], axis=1), rate)
  model = workdir / next(row.device_file for row in found.rows if row.name == "dense-integer")
  command = [sys.executable, "-m", "edge_rnnt.device.transcribe", "--model", str(model), "--json"]
  done = subprocess.run([*command, str(sample), str(tmp_path)], capture_output=True, text=True)
  assert done.returncode == 0, done.stderr
  lines = [json.loads(line) for line in done.stdout.splitlines()]
  lines = [line for line in lines if line["type"] == "file"]
  assert [pathlib.Path(each["path"]).name for each in lines] == [sample.name, "stereo.flac"]
  assert lines[0]["text"] == lines[1]["text"] != ""
  assert lines[0]["seconds"] == pytest.approx(len(audio) / rate, abs=0.01)
  assert lines[0]["rtf"] > 0


def test_a_finished_run_is_not_trained_again(workdir, found, make_config, make_corpora):
  with Checkpoints(workdir / "checkpoints") as checkpoints:
    step = checkpoints.latest_step()
  again = pipeline.run(make_config(), make_corpora(), workdir, command="the test")
  assert step == 500
  assert [row.wer for row in again.rows] == [row.wer for row in found.rows]


def test_another_config_does_not_continue_it(workdir, make_config, make_corpora):
  config = make_config()
  config.stages.dense.steps = 91
  with pytest.raises(identity.OtherRun, match=r"stages\.dense\.steps"):
    pipeline.run(config, make_corpora(), workdir, command="the test")


def test_other_speech_does_not_continue_it(workdir, make_config, make_corpora):
  corpora = make_corpora()
  corpora.train["commands"] = tone_source(199, seed=2)
  with pytest.raises(identity.OtherRun, match=r"training_utterances\.commands"):
    pipeline.run(make_config(), corpora, workdir, command="the test")


def test_stages_without_their_sources_are_skipped(make_config, make_corpora):
  """Sentences of unknown boundaries, of more words than a closed vocabulary has."""
  corpora, config = make_corpora(), make_config()
  splits = (corpora.train, corpora.dev, corpora.test)
  named = [{"own": each["commands"]} for each in splits]
  own = Corpora("own", "phrases", False, *named, report=ManifestReport(1))
  config.checkpoints.latest = 4
  run = build.run(config, prepare_speech(config, own))
  assert (run.retention.latest, run.retention.best) == (4, 1)
  config.checkpoints.average = 3
  with pytest.raises(ValueError, match="reach back 200 updates"):
    build.run(config, prepare_speech(config, own))
  assert [stage.name for stage in run.stages] == ["hear", "dense", "half", "eighty"]
  assert set(run.plan.sources) == {"own"} and len(run.plan) == 460
  assert run.transducer_begins == 60


def test_one_of_two_processes_can_read_the_rows_of_both(make_config, make_corpora, monkeypatch):
  """The first calibrates alone, on what a single process would."""
  config = make_config()
  monkeypatch.setattr(jax, "process_count", lambda: 2)
  monkeypatch.setattr(jax, "process_index", lambda: 1)
  second = build.run(config, prepare_speech(config, make_corpora()))
  at = second.transducer_begins
  mine, both = next(second.batches(at)), next(second.whole_batches(at))
  assert (len(mine.ids), len(both.ids)) == (config.batch_size // 2, config.batch_size)
  for array, rows in zip(both.arrays, mine.arrays, strict=True):
    np.testing.assert_array_equal(array[1::2], rows)
  assert len(measure.calibration_batches(second.whole_batches(at), 24)) == 2
