"""From a run to the model that the package ships: its card says what results.json says."""

import dataclasses
import json
import shutil

import pytest

from data.licences import caveats, licences
from edge_rnnt.device.engine import Recognizer
from edge_rnnt.device.models import default_model
from edge_rnnt.report import card as report_card
from edge_rnnt.report import results
from experiments import model_card


@pytest.fixture
def run(workdir, tmp_path):
  """A finished run that may be changed."""
  return shutil.copytree(workdir, tmp_path / "runs" / "tiny")


def table(card: str) -> dict[str, list[str]]:
  """The cells after the first, by the first."""
  lines = [line.strip("| ").split(" | ") for line in card.splitlines() if line.startswith("| ")]
  return {first: rest for first, *rest in lines}


def test_the_card_has_the_numbers_of_the_results(run, tmp_path):
  folder = tmp_path / "models"
  folder.mkdir()
  (folder / "older.edge").write_bytes(b"what was shipped before")
  path = model_card.ship(run, "sparse80-integer", folder)
  assert default_model(folder) == path  # alone now
  found = results.load(run / "results.json")
  row = next(each for each in found.main_rows if each.name == "sparse80-integer")
  assert path.read_bytes() == (run / row.device_file).read_bytes()
  card = (folder / "MODEL_CARD.md").read_text()
  cells = table(card)["commands"]  # the only set
  assert cells[:2] == [f"{row.wer:.1f} [{row.wer_low:.1f}, {row.wer_high:.1f}]", str(row.words)]
  (portion,) = (each for each in found.data.portions if each.split == "test")
  assert cells[2:] == [str(portion.utterances), str(portion.speakers)]
  assert f"{row.bytes:,} bytes" in card and f"tested on {portion.speakers} speakers" in card
  assert card.count("speakers are clusters of like voices") == 1
  assert "eighty 100 updates to 80 % sparsity" in card and found.command in card
  assert str(tmp_path) not in card
  (config,) = json.loads((folder / "TRAINING.json").read_text())
  assert config["stages"]["eighty"]["steps"] == 100
  assert "8,000 Hz" in card and Recognizer.open(path).front_end.sample_rate == 8000


def test_speech_that_is_mostly_misheard_is_named(run, tmp_path, monkeypatch):
  monkeypatch.setattr(report_card, "UNHEARD", 100.0)
  model_card.ship(run, "sparse80-integer", tmp_path)
  assert "most words are wrong" not in (tmp_path / "MODEL_CARD.md").read_text()
  monkeypatch.setattr(report_card, "UNHEARD", -1.0)
  model_card.ship(run, "sparse80-integer", tmp_path)
  assert "- commands: most words are wrong." in (tmp_path / "MODEL_CARD.md").read_text()


def test_runs_that_it_began_with_are_told_without_their_place(run, tmp_path):
  later = shutil.copytree(run, tmp_path / "elsewhere" / "later")
  config = json.loads((later / "config.json").read_text())
  config |= {"start_from": f"{run}:dense", "curriculum": ["eighty"], "seed": 7}
  (later / "config.json").write_text(json.dumps(config))
  found = dataclasses.replace(results.load(later / "results.json"), command=f"x --start={run}")
  results.save(found, later / "results.json")
  model_card.ship(later, "dense-hybrid", tmp_path / "models")
  card = (tmp_path / "models" / "MODEL_CARD.md").read_text()
  training = (tmp_path / "models" / "TRAINING.json").read_text()
  assert "1. `the test`" in card and "2. `x --start=runs/tiny`" in card and "Seed 7" in card
  assert [each["seed"] for each in json.loads(training)] == [0, 7]
  assert str(tmp_path) not in card + training
  shutil.rmtree(run)
  with pytest.raises(model_card.NoModel, match="tiny, which led to this model"):
    model_card.ship(later, "dense-hybrid", tmp_path / "models")


def test_what_cannot_be_shipped_is_refused_and_nothing_is_written(run, tmp_path, monkeypatch):
  folder = tmp_path / "models"
  with pytest.raises(model_card.NoModel, match=r"--model=best: .* sparse80-integer"):
    model_card.ship(run, "best", folder)
  monkeypatch.setattr(model_card, "MOST_BYTES", 1000)
  with pytest.raises(model_card.NoModel, match="no more than 1,000"):
    model_card.ship(run, "dense-float", folder)
  monkeypatch.undo()
  found = results.load(run / "results.json")
  several = [dataclasses.replace(row, seeds=2, runs=()) for row in found.rows]
  results.save(dataclasses.replace(found, rows=tuple(several)), run / "results.json")
  with pytest.raises(results.ResultsError, match="dense-float"):
    model_card.ship(run, "dense-float", folder)
  assert not folder.exists()


def test_licences_are_those_of_the_speech():
  recorded = ("telephony", "read", "long", "commands", "telephony", "read_strings")
  lines = licences((*recorded, "synthetic-read", "synthetic-flite-telephony"))
  assert [line.partition(":")[0] for line in lines] == [
    "commands", "telephony", "read, long, read_strings", "synthetic-flite-telephony",
    "synthetic-read",
  ]  # fmt: skip
  assert "flite" in lines[3] and "espeak-ng" in lines[4]
  assert "CC BY-SA 4.0" in lines[1] and "Zhang et al." in lines[2]
  assert licences(("own",)) == ()
  (caveat,) = caveats(lines)
  assert caveat.startswith("commands: ")
