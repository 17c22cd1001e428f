"""The rows against published and derived numbers, and against files written for them."""

import json
import re
import subprocess
import sys

import jax
import numpy as np
import pytest
from absl import app, flags
from absl.testing import flagsaver

from edge_rnnt.export import container, layout
from edge_rnnt.export.freeze import freeze
from edge_rnnt.model.inventory import count
from edge_rnnt.model.presets import preset
from edge_rnnt.model.rnnt import init
from edge_rnnt.prune.schedule import constant
from edge_rnnt.prune.transform import apply, gradual
from edge_rnnt.quant.formats import Range
from experiments import device_bytes, inventory

ROW = {
  "name", "encoder", "decoder", "encoder_sparsity", "decoder_sparsity", "params", "prunable",
  "nonzero", "bytes",
}  # fmt: skip


def run(capsys, *options: str) -> str:
  """What the program prints."""
  with flagsaver.flagsaver():
    flags.FLAGS(["inventory", *options])
    inventory.main(["inventory"])
  return capsys.readouterr().out


@pytest.fixture(scope="module")
def rows() -> list[dict]:
  command = [sys.executable, "-m", "experiments.inventory", "--json"]
  done = subprocess.run(command, capture_output=True, text=True, check=False)
  assert done.returncode == 0, done.stderr
  return json.loads(done.stdout)


def test_the_papers_table(rows):
  found = {each["encoder_sparsity"]: each for each in rows if each["name"] == "paper_lstm"}
  assert all(set(each) == ROW for each in rows)
  assert {each["params"] for each in found.values()} == {122_098_304}
  assert {each["prunable"] for each in found.values()} == {104_857_600}
  millions = {share: round(each["nonzero"] / 1e6, 1) for share, each in found.items()}
  assert millions == {0.0: 122.1, 0.5: 69.7, 0.7: 48.7, 0.8: 38.2}
  assert found[0.5]["nonzero"] == 122_098_304 - 104_857_600 // 2


def test_all_pairs_of_cells_and_the_edge_model(rows):
  found = {each["name"]: each for each in rows}
  params = {
    "lstm_lstm": 122_098_304, "lstm_cifg": 117_895_808, "lstm_sru": 111_608_448,
    "cifg_lstm": 100_045_440, "cifg_cifg": 95_842_944, "cifg_sru": 89_555_584,
    "sru_lstm": 80_138_880, "sru_cifg": 75_936_384, "sru_sru": 69_649_024,
  }  # fmt: skip
  for name, number in params.items():
    each = found[f"paper_{name}"]
    assert (each["params"], f"{each['encoder']}_{each['decoder']}") == (number, name)
    assert each["nonzero"] == number
  millions = {
    "paper_edge": 54.64, "paper_small_lstm": 54.6,
    "paper_edge_a": 48.97, "paper_edge_b": 49.64, "paper_edge_c": 49.40, "paper_edge_d": 49.92,
  }  # fmt: skip
  for name, number in millions.items():
    assert found[name]["nonzero"] / 1e6 == pytest.approx(
      number, abs=0.05 if "small" in name else 5e-3
    )
  cuts = {name: 1 - found[f"paper_edge_{name}"]["nonzero"] / 122_098_304 for name in "abcd"}
  assert all(0.59 <= cut < 0.60 for cut in cuts.values())


def test_index_bytes_are_counted(rows):
  """The integer file's sparse kernels: 9 bytes a block and a count a column."""
  dense, half = (
    next(e for e in rows if (e["name"], e["encoder_sparsity"]) == ("paper_lstm", s))
    for s in (0.0, 0.5)
  )
  blocks, columns = 104_857_600 // 8 // 2, 10 * 8192
  saved = 104_857_600 - (9 * blocks + columns)
  # The names of the parts make the header longer.
  assert 0 < half["bytes"]["integer"] - (dense["bytes"]["integer"] - saved) < 4000


def written(name: str, sparsities: dict[str, float], folder) -> dict[str, int]:
  """Bytes of files that are really written, of random weights pruned by the link."""
  config, block = preset(name), (8, 1)
  select = {pattern: constant(share) for pattern, share in sparsities.items()}
  link = gradual(constant(0.0), select=select, block=block)
  params = jax.jit(lambda key: (p := init(config, key)) and apply(p, link.init(p)))(
    jax.random.key(0)
  )
  model = device_bytes.Model(name, config, sparsities)
  front_end, found = device_bytes.front_end(config).to_json(), {}
  for column, scheme in inventory.SCHEMES.items():
    frozen = freeze(params, config, scheme, ranges=ranges(model), block=block)
    path = folder / f"{name}.edge"
    found[column] = container.write(path, frozen, front_end, b"")
    assert found[column] == path.stat().st_size
    path.unlink()
  return found


def ranges(model: device_bytes.Model) -> dict[str, Range]:
  """All activations within -1..1."""
  architecture = device_bytes.plan(model, "float", (8, 1), 0).architecture
  names = {name.partition("/gates/")[0] for name in layout.activations(architecture)}
  found = {name: Range(np.float32(-1), np.float32(1)) for name in names if name.count("/") == 2}
  for layer in architecture.layers:
    one = np.ones((len(layer.gates), 1), np.float32)
    found |= {f"{layer.path}/{name}": Range(-one, one) for name in ("gates", "normalized")}
    found[f"{layer.path}/mixed"] = Range(np.float32(-1), np.float32(1))
  return found


@pytest.mark.parametrize(
  ("name", "encoder", "decoder"),
  [
    ("tiny", 0.0, 0.0),
    ("small_edge", 0.5, 0.3),
    pytest.param("paper_lstm", 0.5, 0.5, marks=pytest.mark.slow),
    pytest.param("paper_edge", 0.5, 0.3, marks=pytest.mark.slow),
  ],
)
def test_bytes_are_those_of_files_written(name, encoder, decoder, tmp_path):
  sparsities = {device_bytes.ENCODER: encoder, device_bytes.DECODER: decoder}
  row = inventory.row(device_bytes.Model(name, preset(name), sparsities), (8, 1), 0)
  found = written(name, sparsities, tmp_path)
  formats = len(
    layout.activations(
      device_bytes.plan(
        device_bytes.Model(name, preset(name), sparsities), "float", (8, 1), 0
      ).architecture
    )
  )
  assert row["bytes"]["float32"] == found["float32"]
  assert row["bytes"]["hybrid"] == found["hybrid"]
  # The formats are those of other ranges: a few bytes each.
  assert abs(row["bytes"]["integer"] - found["integer"]) <= 8 * formats


def test_a_person_gets_a_table_and_the_truth_about_59_percent(capsys):
  told = run(capsys, "--models=paper_edge.*", "--block=16,1")
  lines = told.splitlines()
  assert re.match(r"paper_edge +cifg 50 % +sru 30 % +89.56 +72.35 +54.64 +55.3 %", lines[1])
  assert "The plain inventory gives 55.3 %" in " ".join(told.split())


def test_sparsities_of_ones_own(capsys):
  options = ["--models=paper_lstm", "--encoder_sparsity=0.8", "--decoder_sparsity=0", "--json"]
  found = json.loads(run(capsys, *options))
  kernels = count(preset("paper_lstm")).parameters
  encoder = sum(n for path, n in kernels.items() if re.fullmatch(device_bytes.ENCODER, path))
  for each in found:
    assert each["nonzero"] == pytest.approx(122_098_304 - 0.8 * encoder, abs=8 * 8)


@pytest.mark.parametrize(
  ("option", "told"),
  [
    ("--models=large", "matches none of paper_lstm, "),
    ("--block=8", "expected two numbers"),
    ("--block=0,1", "expected two numbers"),
  ],
)
def test_mistakes_are_told(option, told, capsys):
  with pytest.raises(app.UsageError, match=told):
    run(capsys, option)
