"""The benchmark of whole recognizers on a tiny one, and what its numbers are made of."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.device import binding
from edge_rnnt.device.container import read
from edge_rnnt.device.engine import Recognizer
from experiments.benchmarks import recognizer_delay as delay
from experiments.benchmarks import recognizer_rows, recognizer_subject
from experiments.benchmarks.recognizer_bound import Bound, traffic
from experiments.benchmarks.recognizer_models import SAMPLE_RATE, SECONDS, Sketch, draw
from experiments.benchmarks.recognizer_said import TOKENS_PER_SECOND
from experiments.benchmarks.recognizer_worker import MAX_SYMBOLS, Heard

ROOT = Path(__file__).parents[2]
NAME = "tiny:0.5"
NEEDS = {
  ("edge_rnnt", "float"): "numpy",
  ("edge_rnnt", "hybrid"): "numpy",
  ("edge_rnnt", "integer"): "numpy",
  ("LiteRT", "float"): "ai_edge_litert",
  ("LiteRT", "hybrid"): "ai_edge_litert",
  ("LiteRT plain", "hybrid"): "ai_edge_litert",
  ("LiteRT", "integer"): "ai_edge_litert",
  ("ONNX Runtime", "float"): "onnxruntime",
  ("ONNX Runtime", "hybrid"): "onnxruntime",
  ("sherpa-onnx", "float"): "sherpa_onnx",
  ("sherpa-onnx", "hybrid"): "sherpa_onnx",
  ("JAX", "float"): "jax",
}


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
  return draw(NAME, tmp_path_factory.mktemp("drawn"))


def heard_by_reference(subject, scheme):
  recognizer = Recognizer.open(subject.files[scheme], MAX_SYMBOLS, engine="reference")
  streams = []
  for samples in subject.utterances:
    streams.append(recognizer.stream())
    streams[-1].accept(samples)
    streams[-1].finish()
  return streams


def test_a_random_model_says_as_much_as_speech_and_the_same_in_every_scheme(subject):
  said = {s: [x.tokens for x in heard_by_reference(subject, s)] for s in subject.files}
  assert said["float"] == said["hybrid"] == said["integer"]
  seconds = SECONDS + read(subject.files["float"]).front_end.tail_seconds
  assert {len(tokens) for tokens in said["float"]} == {round(TOKENS_PER_SECOND * seconds)}
  for tokens in said["float"]:
    assert len({token.frame for token in tokens}) == len(tokens)


@pytest.mark.skipif(not binding.available(), reason="the native engine is not built")
def test_every_installed_runtime_has_a_row_and_says_the_same(subject):
  command = [sys.executable, "-m", "experiments.benchmarks.recognizer"]
  done = subprocess.run(
    [*command, f"--models={NAME}", "--rounds=1", "--json"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    timeout=300,
  )
  assert done.returncode == 0, done.stderr
  rows = {(row["runtime"], row["scheme"]): row for row in json.loads(done.stdout)}
  installed = {key for key, name in NEEDS.items() if importlib.util.find_spec(name)}
  assert set(rows) == installed, done.stderr
  base = rows.get(("LiteRT", "float"))
  for row in rows.values():
    assert row["other_tokens"] == 0
    assert (row["model"], row["weights"], row["block"]) == (NAME, "random", "8x1")
    assert row["sparsity"] == 0.5
    assert row["ms"] == pytest.approx(1e3 * row["rtf"] * SECONDS / 24, rel=1e-3)
    assert min(row["first_token_ms"], row["last_token_ms"], row["resident_mb"]) > 0
    if base:
      assert row["ratio_hot"] == pytest.approx(row["rtf"] / base["rtf"], rel=1e-2)
      assert row["ratio_cold"] > 0
  for scheme, path in subject.files.items():  # drawn again, byte by byte the same
    assert rows["edge_rnnt", scheme]["file_bytes"] == path.stat().st_size
  assert rows["edge_rnnt", "float"]["bytes"] < 0.7 * rows["JAX", "float"]["bytes"]
  assert rows["edge_rnnt", "integer"]["bytes"] < 0.4 * rows["edge_rnnt", "float"]["bytes"]


def test_delays_count_waiting_for_audio_and_work_that_queues_up():
  front_end = FrontEnd(sample_rate=SAMPLE_RATE, stack=4, stride=3)
  # Encoded frame 0 is rows 0 and 1, hence frames 0 to 3, whose end is sample 760: in piece 0.
  prompt = Heard([(5, 0)], [0.01, 0.02, 0.03], [1, 1, 1], 0.2)
  late = Heard([(5, 0)], [0.01, 0.02, 0.03], [0, 1, 1], 0.2)
  slow = Heard([(5, 0)], [0.3, 0.1, 0.0], [1, 1, 1], 0.2)
  assert delay.first_token(prompt, front_end, 2) == pytest.approx(0.01)
  assert delay.first_token(late, front_end, 2) == pytest.approx(0.1 + 0.02)
  assert delay.first_token(slow, front_end, 2) == pytest.approx(0.3)
  assert delay.last_token(prompt) == pytest.approx(0.02 + 0.03)
  assert delay.last_token(slow) == pytest.approx(0.1 + 0.3 + 0.1 - 0.2)
  assert delay.rtf([prompt, slow]) == pytest.approx(0.46 / 0.4)
  assert delay.first_token(Heard([], [0.01, 0.0], [0, 0], 0.1), front_end, 2) is None


def test_the_bound_reads_each_part_as_often_as_the_recognizer_needs_it(subject):
  file = read(subject.files["float"])
  whole = traffic(file, sparse=False)
  shape = file.architecture
  parts = {layer.path: 0 for layer in shape.layers}
  for layer in shape.layers:
    weights = np.prod(layer.kernel_shape) + layer.cells * layer.projection
    parts[layer.path] = 4 * int(weights + 2 * len(layer.gates) * layer.cells)  # bias, gain
  first, *others = [parts[layer.path] for layer in shape.encoder]
  half, output = 4 * shape.encoder_dim * shape.joint_dim, 4 * (shape.joint_dim + 1)
  assert (shape.time_reduction_after, whole.below) == (1, first)
  assert whole.above == sum(others) + half
  assert whole.output == output * shape.vocab_size
  own = sum(parts[layer.path] for layer in shape.prediction)
  assert whole.prediction == own + 4 * (shape.prediction_dim + 1) * shape.joint_dim
  assert whole.bytes(3, 2) == 3 * (2 * first + whole.above + whole.output) + 2 * (
    whole.prediction + whole.output
  )
  assert traffic(file, sparse=True).above < 0.7 * whole.above

  reference = heard_by_reference(subject, "float")
  streams = Bound(whole, file.front_end, [stream.tokens for stream in reference])(Path())
  for samples, stream in zip(subject.utterances, reference, strict=True):
    reading = streams()
    for begin in range(0, len(samples), 1600):
      reading.accept(samples[begin : begin + 1600])
    reading.finish()
    assert reading.tokens == stream.tokens
    assert reading._frames == stream.frames


def test_tokens_that_differ_are_counted(subject):
  file = read(subject.files["float"])
  ours = [Heard([(5, 0), (6, 1), (7, 1), (8, 3)], [], [], 1.0)]
  theirs = [Heard([(5, 0), (0, 1), (6, 1), (9, 1), (8, 3)], [], [], 1.0)]
  assert recognizer_rows._differing(theirs, ours, file) == 0.25  # the unknown piece aside


def test_a_run_is_one_subject_for_each_name_with_its_samples(subject, tmp_path):
  (tmp_path / "models").mkdir()
  (tmp_path / "samples").mkdir()
  for scheme, path in subject.files.items():
    shutil.copy(path, tmp_path / "models" / f"sparse50-{scheme}.edge")
  shutil.copy(subject.files["float"], tmp_path / "models" / "dense-float.edge")
  noise = 0.1 * np.random.default_rng(0).standard_normal(20_000)
  soundfile.write(tmp_path / "samples" / "a.wav", noise, SAMPLE_RATE)
  dense, sparse = recognizer_subject.trained([tmp_path], [])
  assert (dense.name, set(dense.files)) == ("dense", {"float"})
  assert (sparse.name, set(sparse.files)) == ("sparse50", {"float", "hybrid", "integer"})
  # Windows of 12 frames, 1,920 samples, the tail of 3,840 included.
  assert [len(samples) for samples in sparse.utterances] == [12 * 1920 - 3840]
  with pytest.raises(ValueError, match="neither a device file nor a run"):
    recognizer_subject.trained([tmp_path / "samples"], [])


@pytest.mark.parametrize("name", ["tiny:1.5", "tiny:x", "tiny:0.1:0.2:0.3", "nothing"])
def test_what_is_no_model_is_refused(name):
  with pytest.raises(ValueError):
    Sketch.parse(name)


def test_shares_of_a_sketch():
  assert Sketch.parse("paper_edge:0.5:0.3") == Sketch("paper_edge", 0.5, 0.3)
  assert Sketch.parse("tiny:0.8") == Sketch("tiny", 0.8, 0.8)
