"""python -m edge_rnnt.export: a device file in, other runtimes' files out, refusals in a line."""

import pytest

from edge_rnnt.export import litert, sherpa
from edge_rnnt.export.__main__ import main
from edge_rnnt.export.container import write
from edge_rnnt.export.freeze import freeze
from edge_rnnt.quant.rules import HYBRID_PER_TENSOR


def test_sizes_add_up_to_the_file(spoken, tmp_path, capsys):
  container = spoken("lstm", "hybrid").open(tmp_path)
  assert main(["sizes", str(container.path)]) == 0
  lines = [line.split() for line in capsys.readouterr().out.splitlines()]
  heads = next(i for i, line in enumerate(lines) if line[-1:] == ["bytes"])  # below the file's name
  sizes = {part: int(size.replace(",", "")) for part, size in lines[heads + 1 :]}
  assert sizes.pop("all") == container.path.stat().st_size == sum(sizes.values())
  assert {"encoder/layer_0", "prediction/embedding", "joint", "wordpieces", "header"} <= set(sizes)


def test_sherpa_files_are_those_of_the_model(spoken, tmp_path, capsys):
  pytest.importorskip("onnx", reason="writes ONNX models: pip install onnx")

  example = spoken("lstm", "hybrid")
  path = example.open(tmp_path).path
  assert main(["sherpa-onnx", str(path), "--output", str(tmp_path / "out")]) == 0
  sherpa.write(tmp_path / "direct", example.frozen, example.front_end, example.wordpieces)
  for name in sherpa.FILES:
    assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "direct" / name).read_bytes()
  assert "--tokens=" in capsys.readouterr().out


@pytest.mark.parametrize("option", [{}, {"hybrid": True}, {"plain": True}])
def test_litert_file_is_that_of_the_model(spoken, tmp_path, option):
  pytest.importorskip("ai_edge_litert", reason="writes .tflite files: pip install ai-edge-litert")
  example = spoken("lstm", "float")
  path, output = example.open(tmp_path).path, tmp_path / "model.tflite"
  flags = [f"--{name}" for name in option]
  assert main(["litert", str(path), "--output", str(output), *flags]) == 0
  args = (example.frozen, example.front_end, example.wordpieces)
  assert output.read_bytes() == litert.convert(*args, **option)


def test_weights_that_only_our_engine_takes(spoken, tmp_path, capsys):
  example = spoken("lstm", "float")
  frozen = freeze(example.model.params, example.model.config, "hybrid", rules=HYBRID_PER_TENSOR)
  path = tmp_path / "per_tensor.edge"
  write(path, frozen, example.front_end.to_json(), example.wordpieces)
  assert main(["litert", str(path), "--output", str(tmp_path / "out.tflite")]) == 2
  assert "weights of 8 bits per tensor" in capsys.readouterr().err
  assert not (tmp_path / "out.tflite").exists()


def test_what_cannot_be_exported_is_told_in_a_line(spoken, tmp_path, capsys):
  path = spoken("lstm", "integer").open(tmp_path).path
  assert main(["sherpa-onnx", str(path), "--output", str(tmp_path / "out")]) == 2
  assert "export a float or a hybrid" in capsys.readouterr().err
  assert main(["litert", str(path), "--plain", "--output", str(tmp_path / "o")]) == 2
  assert "no integers for plain operators" in capsys.readouterr().err
  assert main(["sizes", str(tmp_path / "none.edge")]) == 2
  assert "none.edge" in capsys.readouterr().err
