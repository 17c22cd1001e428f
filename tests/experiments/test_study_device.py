"""Table 5: the benchmark's rows, shown with units, and the paper's claims on time held to them."""

import json
import sys

import pytest

from edge_rnnt.report.table import NOTHING
from experiments import study_device


def row(subject, scheme, rtf, *, runtime="edge_rnnt", weights="trained", model="tuned"):
  """As the benchmark writes it, with the subject that the study adds."""
  return {
    "subject": subject, "model": model, "weights": weights, "runtime": runtime, "scheme": scheme,
    "sparsity": 0.0, "block": "", "rtf": rtf, "ratio_hot": rtf / 0.01, "ratio_cold": None,
    "ms": 60 * rtf, "first_token_ms": None, "last_token_ms": 3.217, "resident_mb": 12.34,
    "file_bytes": 8_417_221, "bytes": 1, "bound_rtf": rtf, "other_tokens": 0.0,
  }  # fmt: skip


ROWS = [
  row("dense-after", "float", 0.005),
  row("dense-after", "integer", 0.0012),
  row("sparse-after", "float", 0.002),
  row("sparse-after", "integer", 0.001),
  row("dense-after", "float", 0.01, runtime="LiteRT"),
  row("paper", "float", 1.2, weights="random", model="paper_lstm"),
]


def test_rows_are_shown_with_their_units():
  found = study_device.table(ROWS)
  shown = dict(zip(found.heads, found.rows[0], strict=True))
  assert shown == {
    "model": "dense-after", "runtime": "edge_rnnt", "numbers": "float", "RTF": "0.0050",
    "x LiteRT float": "0.500", "first token, ms": NOTHING, "last token, ms": "3.2",
    "memory, MB": "12.3", "file, MB": "8.42",
  }  # fmt: skip
  assert found.rows[-1][0] == "paper_lstm" and "random weights" in found.question
  assert "random weights" not in study_device.table(ROWS[:2]).question


def test_the_papers_times_are_held_to_ours():
  answers = list(study_device.answers(ROWS))
  assert [each.verdict for each in answers] == ["agrees", "disagrees", "disagrees"]
  dense, sparse, real_time = (each.sentence for each in answers)
  assert "at most 40 %" in dense and "dense-after: 24 %" in dense and dense.endswith(": agrees.")
  assert "sparse-after: 50 %" in sparse and sparse.endswith(": disagrees.")
  assert "paper_lstm in float, takes 1.2" in real_time and "disagrees" in real_time


def test_what_was_measured_is_kept_and_not_measured_again(tmp_path, monkeypatch):
  """A benchmark that writes down how often it is asked, and fails for the paper's models."""
  (tmp_path / "dense-after-0").mkdir()
  (tmp_path / "dense-after-0" / "results.json").write_text("{}")
  fake = tmp_path / "python"
  fake.write_text(
    f"#!{sys.executable}\nimport sys\nopen({str(tmp_path / 'asked')!r}, 'a').write('+')\n"
    f"print({json.dumps([{'model': 'tuned'}])!r} if '--trained' in sys.argv else 'Killed')\n"
  )
  fake.chmod(0o755)
  monkeypatch.setattr(sys, "executable", str(fake))
  for asked in ("++", "+++"):
    with pytest.raises(study_device.NotMeasured, match=r"paper: .* no rows"):
      study_device.measure(tmp_path)
    assert (tmp_path / "asked").read_text() == asked
  assert study_device.read(tmp_path) == [{"subject": "dense-after", "model": "tuned"}]
