"""The whole corridor on a made-up language: train, prune, quantize, export, stream, page."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from data.corpora import Corpora
from data.tones import tone_source
from edge_rnnt.device.engine import Recognizer
from edge_rnnt.inputs.joined import JoinedStrings
from edge_rnnt.inputs.rejected import ManifestReport
from edge_rnnt.report import results
from edge_rnnt.report.hypotheses import read_hypotheses
from edge_rnnt.train.checkpoint import Checkpoints
from experiments import build, pipeline, quickstart


def tone_corpora() -> Corpora:
  """Strings of known boundaries to align to, and phrases of unknown ones."""
  strings = JoinedStrings(tone_source(120, seed=1, most=1), most=3, passes=4)
  sources = {
    split: {"commands": tone_source(count, seed=seed)}
    for split, count, seed in (("train", 200, 2), ("dev", 12, 3), ("test", 20, 4))
  }
  sources["train"]["strings"] = strings
  return Corpora("synthetic", "chords, not speech", True, **sources, report=ManifestReport(272))


def small_config():
  config = quickstart.get_config()
  config.front_end.num_mels = 12
  config.front_end.tail_seconds = 0.12
  config.model.update(
    encoder_layers=2, encoder_cells=32, encoder_projection=24, prediction_cells=24,
    prediction_projection=None, joint_dim=24, embedding_dim=8,
  )  # fmt: skip
  config.batch_size, config.buckets = 16, 1
  config.optimizer.warmup_steps, config.optimizer.ema_decay = 10, 0.9
  config.evaluate_every = 1000  # at the ends of stages only
  config.calibration_utterances = 48
  steps = {"align": 40, "hear": 60, "dense": 260, "half": 40, "eighty": 100}
  for name, count in steps.items():
    config.stages[name].update(steps=count, rate=6e-3, final=1e-3, disturb=0.0)
  return config


@pytest.fixture(scope="module")
def workdir(tmp_path_factory) -> pathlib.Path:
  workdir = tmp_path_factory.mktemp("run")
  pipeline.run(small_config(), tone_corpora(), workdir, command="the test")
  return workdir


@pytest.fixture(scope="module")
def found(workdir) -> results.Results:
  return results.load(workdir / "results.json")


def test_the_recognizer_learned_and_every_scheme_kept_it(found):
  wers = {(row.scheme, row.sparsity): row.wer for row in found.main_rows}
  assert len(wers) == 9
  assert max(wers.values()) < 35  # chance is above 75
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


def test_streaming_says_what_was_measured(workdir, found):
  """Chunk by chunk through the device file, against the hypotheses of the page."""
  source = tone_corpora().test["commands"]
  for row in found.main_rows:
    said = {each.id: each.hypothesis for each in read_hypotheses(workdir / row.hypotheses)}
    recognizer = Recognizer.open(workdir / row.device_file)
    for item in range(0, len(source), 5):
      stream, samples = recognizer.stream(), source[item].samples
      for begin in range(0, len(samples), 333):
        stream.accept(samples[begin : begin + 333])
      stream.finish()
      assert stream.text == said[source.id(item)]


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
  assert [pathlib.Path(each["path"]).name for each in lines] == [sample.name, "stereo.flac"]
  assert lines[0]["text"] == lines[1]["text"] != ""
  assert lines[0]["seconds"] == pytest.approx(len(audio) / rate, abs=0.01)
  assert lines[0]["rtf"] > 0


def test_a_finished_run_is_not_trained_again(workdir, found):
  with Checkpoints(workdir / "checkpoints") as checkpoints:
    step = checkpoints.latest_step()
  again = pipeline.run(small_config(), tone_corpora(), workdir, command="the test")
  assert step == 500
  assert [row.wer for row in again.rows] == [row.wer for row in found.rows]


def test_another_config_does_not_continue_it(workdir):
  config = small_config()
  config.stages.dense.steps = 91
  with pytest.raises(pipeline.OtherRun, match=r"stages\.dense\.steps"):
    pipeline.run(config, tone_corpora(), workdir, command="the test")


def test_other_speech_does_not_continue_it(workdir):
  corpora = tone_corpora()
  corpora.train["commands"] = tone_source(199, seed=2)
  with pytest.raises(pipeline.OtherRun, match=r"training_utterances\.commands"):
    pipeline.run(small_config(), corpora, workdir, command="the test")


def test_stages_without_their_sources_are_skipped():
  """Sentences of unknown boundaries, of more words than a closed vocabulary has."""
  corpora, config = tone_corpora(), small_config()
  splits = (corpora.train, corpora.dev, corpora.test)
  named = [{"own": each["commands"]} for each in splits]
  own = Corpora("own", "phrases", False, *named, report=ManifestReport(1))
  run = build.run(config, build.speech(config, own))
  assert [stage.name for stage in run.stages] == ["hear", "dense", "half", "eighty"]
  assert set(run.plan.sources) == {"own"} and len(run.plan) == 460
  assert run.transducer_begins == 60
