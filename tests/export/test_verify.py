"""python -m edge_rnnt.export.verify: all runtimes on the same audio, and planted faults found."""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import soundfile

from edge_rnnt.device import binding
from edge_rnnt.device.container import read
from edge_rnnt.export.container import write
from edge_rnnt.export.freeze import freeze
from edge_rnnt.export.verify import differences, kept, runtimes, traces
from edge_rnnt.export.verify.__main__ import main
from edge_rnnt.export.verify.comparison import Comparison
from edge_rnnt.export.verify.spoken import Spoken, find
from edge_rnnt.prune import schedule, transform
from edge_rnnt.train.checkpoint import CheckpointError, Checkpoints
from edge_rnnt.train.state import TrainState, inference_params
from edge_rnnt.trees import flatten, nest

CHUNKS = (160, 1600, 0)  # samples; 0: all at once
native_only = pytest.mark.skipif(not binding.available(), reason="the native engine is not built")


def noise(seed=2, count=8000):
  rng = np.random.default_rng(seed)
  loudness = np.repeat(rng.uniform(0, 0.3, -(-count // 800)), 800)[:count].astype(np.float32)
  return loudness * rng.standard_normal(count).astype(np.float32)


def write_model(path, example, frozen=None):
  write(path, frozen or example.frozen, example.front_end.to_json(), example.wordpieces)
  return path


def trained(example):
  """The parameters of a float model."""
  return nest({name: jnp.asarray(value) for name, value in example.frozen.tensors.items()})


@pytest.fixture(scope="module")
def models(spoken, talkative, tmp_path_factory):
  """(cell, scheme) -> an open device file of a model that says much, at the end of audio too."""

  def build(cell, scheme):
    folder = tmp_path_factory.mktemp(f"{cell}-{scheme}")
    return talkative(spoken(cell, scheme)).open(folder)

  return build


def up_to(last, file):
  """The runtimes that there are, by name, up to `last` in the table's order."""
  found = {}
  for each in runtimes.others(file, 4):
    if isinstance(each, runtimes.Runtime):
      found[each.name] = each
    if each.name == last:
      return found
  raise AssertionError(last)


@pytest.mark.parametrize(
  ("cell", "scheme"),
  [
    ("lstm", "float"),
    ("cifg", "integer"),
    ("sru", "float"),
    ("sru", "integer"),
    ("lstm", "hybrid"),
  ],
)
def test_any_chunk_gives_the_same_tokens_to_the_last_frame(models, cell, scheme):
  """sherpa-onnx hears more silence: test_sherpa_client.py; JAX: the run below."""
  # The reference takes its time in integers.
  file, samples = models(cell, scheme), noise(2, 11190 if scheme == "integer" else 17590)
  stream = runtimes.reference(file, 4).stream()
  stream.accept(samples)
  stream.finish()
  expected = [token.id for token in stream.tokens]
  assert len(expected) > 3
  # What only the tail and the filling of the last group bring to light is there.
  assert any(token.frame >= stream.frames - 2 for token in stream.tokens)
  for name, runtime in up_to("litert", file).items():
    for chunk in CHUNKS if runtime.equal else ():
      assert runtime.hear(samples, chunk) == expected, f"{name}, {chunk} samples a chunk"


def test_who_takes_part(models):
  """Everyone who is installed; the others say why not."""
  for scheme, jax_rows in {"float": 2, "hybrid": 0, "integer": 0}.items():
    found = list(runtimes.others(models("lstm", scheme), 4))
    assert [each.name for each in found] == [
      name for name in runtimes.NAMES if jax_rows or "jax" not in name
    ]
    missing = {each.name: each.reason for each in found if isinstance(each, runtimes.Absent)}
    if not binding.available():
      assert "not built" in missing.pop("native")
    for name in ("jax", "jax-chunked")[:jax_rows]:
      assert "no state that the file was frozen from" in missing.pop(name)
    if scheme == "integer":
      assert "export a float or a hybrid" in missing.pop("sherpa-onnx")
    assert all("needs" in reason for reason in missing.values())


def shown(file, samples):
  reference = runtimes.reference(file, 4)
  stream = reference.stream()
  stream.accept(samples)
  stream.finish()
  utterance = traces.utterance(reference, samples, stream.tokens)
  return utterance, traces.reference(reference.network, utterance)


@pytest.mark.parametrize("cell", ["cifg", "sru"])
@pytest.mark.parametrize("scheme", ["float", "integer"])
def test_traces_of_equal_models_agree(models, spoken, talkative, cell, scheme):
  file, samples = models(cell, scheme), noise()
  utterance, expected = shown(file, samples)
  assert expected["scores"].shape == (len(utterance.path), 12)
  # The scores along the path are those that the tokens were chosen by.
  chosen = [row for row in expected["scores"].argmax(axis=1) if row != 11]
  assert chosen == utterance.labels[1:]
  found = {
    name: (runtime.trace(samples, utterance), runtime.tolerance)
    for name, runtime in up_to("litert", file).items()
    if runtime.trace is not None
  }
  if (cell, scheme) == ("sru", "float"):  # the run below has an LSTM
    example = talkative(spoken(cell, scheme))
    trace = traces.in_jax(trained(example), example.model.config, utterance)
    found["jax"] = trace, runtimes.ROUNDING
  for name, (trace, tolerance) in found.items():
    verdict = differences.judge([("a", expected, trace)], tolerance)
    assert verdict.first is None, f"{name}: {verdict.first}"
    assert scheme == "float" or verdict.worst.error == 0
    unseen = ("features", "encoder/layer_0", "encoder/layer_1") if name == "litert" else ()
    assert verdict.missing == unseen


@pytest.mark.parametrize(
  ("leaf", "tensor"),
  [
    ("encoder/layer_1/kernel", "encoder/layer_1"),
    ("prediction/embedding", "predicted"),
  ],
)
def test_the_first_tensor_that_differs_is_named(run, leaf, tensor):
  """In JAX; natively all of them, below."""
  file = read(run / "models" / "dense-float.edge")
  utterance, expected = shown(file, noise(0))
  model, params = kept.model(file)
  broken = flatten(params) | {leaf: 0.1 - flatten(params)[leaf]}
  found = traces.in_jax(nest(broken), model.config, utterance)
  first = differences.judge([("a", expected, found)], runtimes.ROUNDING).first
  assert first is not None and first.name == tensor
  assert f"{tensor}[{first.row}]: off by" in str(first)


@native_only
@pytest.mark.parametrize(
  ("stored", "tensor"),
  [
    ("encoder/layer_1/projection", "encoder/layer_1"),
    ("joint/encoder", "encoded"),
    ("prediction/embedding", "predicted"),
    ("joint/output_bias", "scores"),
  ],
)
def test_integers_that_differ_fail_though_the_tokens_are_the_same(spoken, tmp_path, stored, tensor):
  """Two device files that differ in one number: one is the reference, the other runs natively."""
  example = spoken("cifg", "integer")
  tensors = dict(example.frozen.tensors)
  values = tensors[stored].copy()
  at = (-1,) * values.ndim  # of the embedding: what is predicted after the blank
  values[at] = values[at] + 1 if values[at] < 127 else 126
  changed = example.frozen._replace(tensors=tensors | {stored: values})
  files = [
    read(write_model(tmp_path / f"{name}.edge", example, frozen))
    for name, frozen in (("one", example.frozen), ("other", changed))
  ]
  comparison = Comparison(files[0], [Spoken("a", noise(), None)], [1600], 1, 4)
  same, other = (comparison.row(up_to("native", file)["native"]) for file in files)
  assert same.others == other.others == ()
  assert same.agrees and same.tensors.first is None and same.tensors.worst.error == 0
  assert not other.agrees and other.tensors.first.name == tensor


def faulty(comparison, *, deaf=(), off=()):
  """A runtime that is the reference but for the utterances `deaf` to and `off` by one in."""
  whole = runtimes.reference(comparison.file, 4)

  def hear(samples, chunk):
    return [] if len(samples) in deaf else runtimes.streamed(whole, samples, chunk)

  def trace(samples, utterance):
    found = dict(traces.reference(whole.network, utterance))
    del found["features"]
    if len(samples) in off:
      found["encoded"] = found["encoded"] + 1
    return found

  return runtimes.Runtime("native", hear, True, trace, runtimes.NOTHING, True)


def test_a_tensor_that_differs_in_another_utterance_only(models):
  """It is seen if that utterance is traced; those with other tokens are traced first."""
  file = models("cifg", "float")
  spoken = [Spoken(str(count), noise(1, count), None) for count in (2400, 3200, 4000)]
  for traced, agrees in ((2, True), (3, False)):
    comparison = Comparison(file, spoken, [1600], traced, 4)
    row = comparison.row(faulty(comparison, off=(4000,)))
    assert (row.agrees, len(row.traced)) == (agrees, traced)
  assert (row.tensors.first.name, row.tensors.first.utterance) == ("encoded", "4000")
  assert row.tensors.first.error == 1 and row.others == ()
  comparison = Comparison(file, spoken, [1600, 0], 1, 4)
  row = comparison.row(faulty(comparison, off=(4000,), deaf=(4000,)))
  assert row.traced == ("4000",) and row.tensors.first.name == "encoded"
  assert row.others == (("4000", (0.1, 0.0)),)
  assert row.tensors.missing == ("features",)


def test_what_is_judged():
  """The first tensor of the computation, where it is furthest off; all that one side lacks."""
  expected = {"features": np.zeros((1, 1)), "encoded": np.ones((3, 2)), "scores": np.ones((2, 2))}
  found = {name: expected[name].copy() for name in ("encoded", "scores")} | {"own": np.ones((1, 1))}
  utterances = []
  for name, encoded, scores in (("a", 0.0, 9.0), ("b", 0.5, 0.0), ("c", 2.0, 0.0)):
    each = {key: value.copy() for key, value in found.items()}
    each["encoded"][1, 0] += encoded
    each["scores"][0] += scores
    utterances.append((name, expected, each))
  verdict = differences.judge(utterances, 0.1)
  assert verdict.compared == ("encoded", "scores") and verdict.missing == ("features", "own")
  assert verdict.first[:3] == ("encoded", 1, 2.0) and verdict.first.utterance == "c"
  assert verdict.worst[:3] == ("scores", 0, 9.0) and verdict.worst.utterance == "a"
  assert differences.judge(utterances, 10.0).first is None


@pytest.mark.parametrize("broken", [np.zeros((2, 2)), np.full((3, 2), np.nan)])
def test_a_tensor_of_another_shape_or_of_no_numbers(broken):
  expected = {"encoded": np.zeros((3, 2))}
  verdict = differences.judge([("a", expected, {"encoded": broken})], 0.1)
  assert verdict.first.name == "encoded"
  shapes = "encoded: shape (2, 2), the reference (3, 2)"
  assert (str(verdict.first) == shapes) == (broken.shape == (2, 2))


def keep(run, state):
  about = {
    "step": 7,
    "config": {"pruning": {"block": [8, 1], "recovery": "straight_through"}},
  }
  with Checkpoints(run / "checkpoints") as checkpoints:
    checkpoints.keep("dense", state, about)


@pytest.fixture(scope="module")
def state(spoken, talkative):
  """Half of its blocks are masked; what is exported is its average."""
  params = trained(talkative(spoken("lstm", "float")))
  link = transform.gradual(schedule.constant(0.5)).init(params)
  raw = jax.tree.map(lambda leaf: leaf + 1.0, params)
  step, rng = jnp.asarray(7), jax.random.key_data(jax.random.key(0))
  return TrainState(
    step=step, params=raw, opt_state=(optax.EmptyState(), link), rng=rng, ema=params
  )


@pytest.fixture(scope="module")
def run(state, spoken, tmp_path_factory):
  """A run's folder: a kept state, its device file, two samples, and what was said in one."""
  run, example = tmp_path_factory.mktemp("runs") / "run", spoken("lstm", "float")
  for name in ("models", "samples", "hypotheses"):
    (run / name).mkdir(parents=True)
  keep(run, state)
  frozen = freeze(inference_params(state), example.model.config, "float")
  write_model(run / "models" / "dense-float.edge", example, frozen)
  for number in range(2):
    soundfile.write(run / "samples" / f"set_{number}.wav", noise(number, 12000), 16000)
  table = "id\treference\thypothesis\nset/1\tone two three four\tone\n"
  (run / "hypotheses" / "dense-float-all.tsv").write_text(table)
  return run


def rows_of(capsys, *arguments):
  code = main([*map(str, arguments), "--json"])
  captured = capsys.readouterr()
  return code, {row["runtime"]: row for row in json.loads(captured.out)}, captured.err


def test_a_run(run, capsys):
  """Any chunk gives the same tokens, in JAX as well; everyone runs what was kept."""
  code, rows, _ = rows_of(capsys, run, "--chunk", "0.03", "0.25", "0", "--require")
  assert list(rows) == ["reference", *runtimes.NAMES]
  for name, row in rows.items():
    assert row["scheme"] == "float" and row["model"].endswith("dense-float.edge")
    if row["not_run"] is None and name != "sherpa-onnx":  # it hears more silence than our tail
      assert (row["other_tokens"], row["agrees"], row["utterances"]) == ([], True, 2)
      assert row["wer"] == rows["reference"]["wer"] != 100  # not all of it is deleted
  assert code == (0 if rows["sherpa-onnx"]["agrees"] else 1)
  assert rows["jax"]["compared"] == [
    "features", "encoder/layer_0", "encoder/layer_1", "encoded", "predicted", "scores"
  ]  # fmt: skip
  assert len(rows["jax"]["traced"]) == 2 and rows["jax"]["not_compared"] == []
  assert rows["jax"]["first_tensor"] is None and 0 < rows["jax"]["worst_tensor"]["error"] < 1e-3
  assert rows["jax-chunked"]["compared"] == []


def test_a_file_that_was_not_frozen_from_what_was_kept(run, state, tmp_path, capsys):
  """Its unpruned weights, say: another model than the file is what JAX runs."""
  other = tmp_path / "run"
  shutil.copytree(run / "models", other / "models")
  keep(other, state.replace(opt_state=(optax.EmptyState(),)))
  arguments = (other, run / "samples" / "set_0.wav")
  code, rows, _ = rows_of(capsys, *arguments, "--require")
  assert code == 1 and not rows["jax"]["agrees"]
  assert rows["jax"]["first_tensor"]["name"] == "encoder/layer_0"
  assert rows["reference-chunked"]["agrees"]
  shutil.rmtree(other / "checkpoints")
  assert main([*map(str, arguments), "--require", "jax"]) == (1 if differs_in_sherpa(rows) else 2)
  captured = capsys.readouterr()
  assert "jax was not run: no state that the file was frozen from" in captured.out
  assert captured.err.startswith("jax was compared with nothing: no state")


def differs_in_sherpa(rows):
  return not rows["sherpa-onnx"]["agrees"]


def test_a_state_of_another_model(run, state, tmp_path):
  shutil.copytree(run / "models", tmp_path / "models")
  params = flatten(state.ema) | {"joint/bias": jnp.zeros(5)}
  keep(tmp_path, state.replace(ema=nest(params)))
  file = read(tmp_path / "models" / "dense-float.edge")
  with pytest.raises(ValueError, match=r"another model:\s+joint/bias: kept \(5,\), expected"):
    kept.model(file)
  shutil.rmtree(tmp_path / "checkpoints" / "milestones" / "dense" / "state")
  with pytest.raises(CheckpointError, match="Could not read"):
    kept.model(file)


def test_what_must_take_part(models, tmp_path, capsys, monkeypatch):
  """A runtime that is required and was not there is exit code 2, with the reason."""
  soundfile.write(tmp_path / "a.wav", noise(0, 2400), 16000)
  arguments = [str(models("cifg", "integer").path), str(tmp_path / "a.wav")]
  if binding.available():
    assert main(arguments) == 0
    assert "equal to the bit" in capsys.readouterr().out
  assert main([*arguments, "--require", "sherpa-onnx", "jax"]) == 2
  err = capsys.readouterr().err
  assert "sherpa-onnx was compared with nothing: sherpa-onnx computes in float" in err
  assert "jax was compared with nothing: there is no float file" in err
  monkeypatch.setattr(binding, "LIBRARY", "_not_built")
  binding.library.cache_clear()
  try:
    assert main(arguments) == 2
    assert main([*arguments, "--require"]) == 0
  finally:
    binding.library.cache_clear()
  captured = capsys.readouterr()
  assert captured.err.startswith("native was compared with nothing: the native engine is not built")
  assert "native was not run: the native engine is not built" in captured.out


def test_tokens_that_differ_are_told_by_the_exit_code(models, run, capsys):
  """sherpa-onnx hears more silence than our tail, in which this model goes on talking."""
  pytest.importorskip("onnx", reason="writes ONNX models: pip install onnx")
  pytest.importorskip("sherpa_onnx", reason="runs the exported files: pip install sherpa-onnx")
  path = models("lstm", "float").path
  assert main([str(path), str(run / "samples" / "set_0.wav"), "--require", "jax"]) == 1
  lines = capsys.readouterr().out.splitlines()
  assert lines[1].endswith("float, 1 utterances")
  rows = {line[:18].strip(): line for line in lines[3:]}
  assert "1 of 1" in rows["sherpa-onnx"] and "tokens" in rows["sherpa-onnx"]
  assert "none of 1" in rows["reference-chunked"]
  assert "unknown" in rows["reference"]  # nobody says what is said there


def test_audio_with_its_text(tmp_path):
  soundfile.write(tmp_path / "a.wav", noise(0, 8000), 8000)
  soundfile.write(tmp_path / "b.flac", noise(0, 16000), 16000)
  (tmp_path / "a.txt").write_text("one two\n")
  a, b = (str(tmp_path / name) for name in ("a.wav", "b.flac"))
  first, second = find([a, b], tmp_path, 16000)
  assert (first.text, second.text) == ("one two", None)
  assert len(first.samples) == len(second.samples) == 16000  # at the model's rate
  (tmp_path / "list.tsv").write_text("path\ttext\nb.flac\tthree\n")
  listed = find([str(tmp_path / "list.tsv")], tmp_path, 16000)
  assert [(each.name, each.text) for each in listed] == [("b.flac", "three")]


def test_nothing_to_compare(tmp_path, capsys):
  assert main([str(tmp_path)]) == 2
  assert "neither a device file nor a run" in capsys.readouterr().err
  assert main([str(tmp_path / "none.edge")]) == 2
  assert "none.edge" in capsys.readouterr().err
  with pytest.raises(ValueError, match="no audio to compare on"):
    find([], tmp_path, 16000)
