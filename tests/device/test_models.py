"""The model that is taken when none is named."""

import json
import re
from pathlib import Path

import kaldialign
import pytest

from data.at_hand import BESIDE_REPOSITORY
from data.domains import recorded
from edge_rnnt.device.container import read
from edge_rnnt.device.engine import Recognizer
from edge_rnnt.device.models import Unready, default_model


def test_the_only_one_is_taken(tmp_path):
  (tmp_path / "small.edge").write_bytes(b"")
  (tmp_path / "README.md").write_bytes(b"")
  assert default_model(tmp_path) == tmp_path / "small.edge"


def test_of_several_one_must_be_named(tmp_path):
  for name in ("a.edge", "b.edge"):
    (tmp_path / name).write_bytes(b"")
  with pytest.raises(Unready, match=r"--model: .*a\.edge, .*b\.edge"):
    default_model(tmp_path)


def test_without_any_it_is_said_where_they_come_from(tmp_path):
  with pytest.raises(Unready, match=r"--model FILE.*quickstart"):
    default_model(tmp_path / "models")


def shipped() -> Path:
  """The package's own model; skips where none is shipped (experiments.model_card makes it)."""
  try:
    return default_model()
  except Unready as error:
    pytest.skip(f"no model is shipped: {error}")


def test_the_package_ships_one_small_model_and_its_card():
  path = shipped()
  card = (path.parent / "MODEL_CARD.md").read_text(encoding="utf-8")
  assert path.stat().st_size <= 2_000_000
  assert f"{path.stat().st_size:,} bytes" in card and "CC BY-SA 4.0" in card
  assert f"{read(path).front_end.sample_rate:,} Hz" in card
  assert json.loads((path.parent / "TRAINING.json").read_text(encoding="utf-8"))


def test_the_card_says_what_the_shipped_model_makes_of_orders(tmp_path):
  """Recognized and counted again, from the recordings on."""
  path = shipped()
  if not (BESIDE_REPOSITORY / "commands").is_dir():
    pytest.skip("no ../shared/data/commands")
  line = re.search(
    r"^\| commands \| ([\d.]+) \[", (path.parent / "MODEL_CARD.md").read_text(), re.M
  )
  recognizer = Recognizer.open(path)
  rate = recognizer.front_end.sample_rate
  _, sources, _ = recorded(BESIDE_REPOSITORY / "commands", rate, tmp_path)
  spoken = [sources["test"][item] for item in range(len(sources["test"]))]
  errors = words = 0
  for each, heard in zip(
    spoken, recognizer.recognize([each.samples for each in spoken]), strict=True
  ):
    counted = kaldialign.edit_distance(each.text.split(), heard.split())["total"]
    errors, words = errors + counted, words + len(each.text.split())
  assert f"{100 * errors / words:.1f}" == line[1]
