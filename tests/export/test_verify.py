"""python -m edge_rnnt.export.verify: all runtimes on the same audio, and a planted fault found."""

import numpy as np
import pytest
import soundfile

from edge_rnnt.device import binding
from edge_rnnt.device.container import read
from edge_rnnt.export.container import write
from edge_rnnt.export.verify import runtimes, traces
from edge_rnnt.export.verify.__main__ import Comparison, main
from edge_rnnt.export.verify.spoken import find
from edge_rnnt.trees import flatten, nest

CHUNKS = (160, 1600, 0)  # samples; 0: all at once


def noise(seed=2, count=24000):
  rng = np.random.default_rng(seed)
  loudness = np.repeat(rng.uniform(0, 0.3, -(-count // 800)), 800)[:count].astype(np.float32)
  return loudness * rng.standard_normal(count).astype(np.float32)


@pytest.fixture
def models(spoken, talkative, tmp_path):
  """(cell, scheme) -> an open device file of a model that says much, at the end of audio too."""

  def build(cell, scheme):
    folder = tmp_path / f"{cell}-{scheme}"
    folder.mkdir()
    return talkative(spoken(cell, scheme)).open(folder)

  return build


def present(found):
  return {each.name: each for each in found if isinstance(each, runtimes.Runtime)}


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
  file = models(cell, scheme)
  reference = runtimes.reference(file, 4)
  samples = noise(2, 17590)
  stream = reference.stream()
  stream.accept(samples)
  stream.finish()
  expected = [token.id for token in stream.tokens]
  assert len(expected) > 3
  # What only the tail and the filling of the last group bring to light is there.
  assert any(token.frame >= stream.frames - 2 for token in stream.tokens)
  for chunk in CHUNKS:
    assert runtimes.streamed(reference, chunk, samples) == expected
    for name, runtime in present(runtimes.others(file, chunk or 8000, 4)).items():
      if runtime.equal and name != "sherpa-onnx":  # it hears more silence: test_sherpa_client.py
        assert runtime.hear(samples) == expected, f"{name}, {chunk} samples a chunk"


def test_who_takes_part(models):
  """Everyone who is installed; the others say why not."""
  for scheme, others in {"float": 5, "hybrid": 3, "integer": 3}.items():
    found = list(runtimes.others(models("lstm", scheme), 1600, 4))
    assert len(found) == others
    missing = {each.name: each.reason for each in found if isinstance(each, runtimes.Absent)}
    if not binding.available():
      assert "not built" in missing.pop("native engine")
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
def test_traces_of_equal_models_agree(models, cell):
  for scheme in ("float", "integer"):
    file, samples = models(cell, scheme), noise(2, 12000)
    utterance, expected = shown(file, samples)
    assert expected["scores"].shape == (len(utterance.path), 12)
    # The scores along the path are those that the tokens were chosen by.
    chosen = [row for row in expected["scores"].argmax(axis=1) if row != 11]
    assert chosen == utterance.labels[1:]
    for runtime in present(runtimes.others(file, 1600, 4)).values():
      if runtime.trace is not None:
        found = runtime.trace(samples, utterance)
        first, worst = traces.compare(expected, found, runtime.tolerance)
        assert first is None, f"{runtime.name}, {scheme}: {first}"
        assert scheme == "float" or worst.error == 0


@pytest.mark.parametrize(
  ("leaf", "tensor"),
  [
    ("encoder/layer_0/bias", "encoder/layer_0"),
    ("encoder/layer_1/kernel", "encoder/layer_1"),
    ("joint/encoder", "encoded"),
    ("prediction/embedding", "predicted"),
    ("joint/output_bias", "scores"),
  ],
)
def test_the_first_tensor_that_differs_is_named(models, leaf, tensor):
  file, samples = models("lstm", "float"), noise(2, 12000)
  utterance, expected = shown(file, samples)
  model, params = runtimes.float_model(file)
  broken = flatten(params) | {leaf: 0.1 - flatten(params)[leaf]}
  found = traces.in_jax(nest(broken), model.config, utterance)
  first, _ = traces.compare(expected, found, runtimes.ROUNDING)
  assert first is not None and first.name == tensor
  assert f"{tensor}[{first.row}]: off by" in str(first)


@pytest.mark.skipif(not binding.available(), reason="the native engine is not built")
def test_integers_that_differ_fail_though_the_tokens_are_the_same(spoken, tmp_path):
  """Two device files that differ in one weight: one is the reference, the other runs natively."""
  example = spoken("cifg", "integer")
  tensors = dict(example.frozen.tensors)
  weights = tensors["encoder/layer_1/projection"].copy()
  weights[0, 0] = -127 if weights[0, 0] > 0 else 127
  changed = example.frozen._replace(tensors=tensors | {"encoder/layer_1/projection": weights})
  files = []
  for name, frozen in (("one", example.frozen), ("other", changed)):
    path = tmp_path / f"{name}.edge"
    write(path, frozen, example.front_end.to_json(), example.wordpieces)
    files.append(read(path))
  soundfile.write(tmp_path / "a.wav", noise(2, 12000), 16000)
  comparison = Comparison(files[0], find([str(tmp_path / "a.wav")], tmp_path, 16000), 4)
  verdicts = []
  for file in files:
    row, agrees = comparison.with_runtime(present(runtimes.others(file, 1600, 4))["native engine"])
    assert row[2] == "none of 1"
    verdicts.append((agrees, row[3]))
  assert verdicts[0] == (True, "none; equal to the bit")
  assert not verdicts[1][0] and verdicts[1][1].startswith("encoder/layer_1[")


def test_a_tensor_of_another_shape():
  expected = {"encoded": np.zeros((3, 2))}
  with pytest.raises(ValueError, match=r"encoded has shape \(2, 2\), the reference \(3, 2\)"):
    traces.compare(expected, {"encoded": np.zeros((2, 2))}, 0.1)


def run_folder(example, tmp_path):
  """A run's folder with one device file, two samples, and what was said in one of them."""
  run = tmp_path / "run"
  for name in ("models", "samples", "hypotheses"):
    (run / name).mkdir(parents=True)
  path = run / "models" / "dense-float.edge"
  write(path, example.frozen, example.front_end.to_json(), example.wordpieces)
  for number in range(2):
    soundfile.write(run / "samples" / f"set_{number}.wav", noise(number, 16000), 16000)
  table = "id\treference\thypothesis\nset/1\tone two three four\tone\n"
  (run / "hypotheses" / "dense-float-all.tsv").write_text(table)
  return run


def test_a_run(spoken, tmp_path, capsys):
  run = run_folder(spoken("lstm", "float"), tmp_path)
  code = main([str(run)])
  lines = capsys.readouterr().out.splitlines()
  assert lines[1].endswith("dense-float.edge: float, 2 utterances")
  rows = {line[:24].strip(): line for line in lines[3:]}
  assert {"reference", "reference, 0.1 s a chunk", "JAX, offline", "JAX, 4 rows a chunk"} <= set(
    rows
  )
  for name, row in rows.items():
    if name not in ("reference", "sherpa-onnx") and "not run" not in row:
      assert "none of 2" in row
  # A random model may go on talking in the silence that sherpa-onnx hears in addition.
  assert code == (" of 2" in rows.get("sherpa-onnx", "").replace("none of 2", "")) or (
    code == 2 and not binding.available()
  )
  assert "off by" in rows["JAX, offline"]


def test_tokens_that_differ_are_told_by_the_exit_code(spoken, talkative, tmp_path, capsys):
  """sherpa-onnx hears more silence than our tail, in which this model goes on talking."""
  pytest.importorskip("onnx", reason="writes ONNX models: pip install onnx")
  pytest.importorskip("sherpa_onnx", reason="runs the exported files: pip install sherpa-onnx")
  run = run_folder(talkative(spoken("lstm", "float")), tmp_path)
  assert main([str(run / "models" / "dense-float.edge"), str(run / "samples" / "set_0.wav")]) == 1
  rows = {line[:24].strip(): line for line in capsys.readouterr().out.splitlines()[3:]}
  assert "1 of 1" in rows["sherpa-onnx"]
  assert "none of 1" in rows["JAX, offline"]
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
