"""The table of device files and their models."""

import dataclasses

from edge_rnnt.report import page, table
from edge_rnnt.report.results import Fidelity
from edge_rnnt.report.table_fidelity import fidelity_table

NEAR = Fidelity(
  dev_wer=12.34, against_float=None, against_model=0.02, sqnr={"a/cell": 50.0, "a/output": 37.26}
)


def test_only_what_was_measured_has_a_row(make_results, tmp_path):
  results = make_results(tmp_path)
  assert fidelity_table(results) is None
  first = results.main_rows[0]
  measured = tuple(
    dataclasses.replace(row, fidelity=NEAR) if row == first else row for row in results.rows
  )
  drawn = fidelity_table(dataclasses.replace(results, rows=measured))
  (cells,) = ([str(cell) for cell in row] for row in drawn.rows)
  assert cells[0] == first.name
  assert cells[2:] == ["12.3", table.NOTHING, "2 %", "37.3", "a/output"]


def test_the_page_shows_it(make_results, tmp_path):
  results = make_results(tmp_path)
  measured = tuple(dataclasses.replace(row, fidelity=NEAR) for row in results.rows)
  page.write(dataclasses.replace(results, rows=measured), tmp_path)
  for name in ("report.html", "report.md"):
    text = (tmp_path / name).read_text()
    assert "Device files and their models" in text and "37.3" in text and "a/output" in text
