"""Tables say what the rows say, in Markdown and on a terminal."""

import dataclasses
import io

import markdown_it
import pytest
import rich.console

from edge_rnnt.report import table
from edge_rnnt.report.evidence import Evidence


@pytest.fixture(scope="module")
def results(make_results, tmp_path_factory):
  return make_results(tmp_path_factory.mktemp("run"))


def cells(markdown: str) -> list[list[str]]:
  """The rendered text of each cell, heads first, by an independent Markdown parser."""
  tokens = markdown_it.MarkdownIt("commonmark").enable("table").parse(markdown)
  rows = []
  for token in tokens:
    if token.type == "tr_open":
      rows.append([])
    elif token.type == "inline":
      texts = [child.content for child in token.children if child.type == "text"]
      rows[-1].append("".join(texts))
  return rows


def test_markdown_numbers_are_those_of_the_rows(results):
  heads, *rows = cells(table.markdown(table.main_table(results)))
  assert heads[0] == "model" and len(heads) == 7
  dense = results.dense_float
  for row, (name, sparsity, _, size, share, wer, rtf) in zip(results.main_rows, rows, strict=True):
    assert name == row.name
    assert sparsity == (f"{100 * row.sparsity:.0f} %" if row.sparsity else "dense")
    assert int(size.replace(",", "")) == row.bytes
    assert float(share) == pytest.approx(100 * row.bytes / dense.bytes, abs=0.05)
    found = [
      float(number) for number in wer.replace("[", "").replace("]", "").replace(",", "").split()
    ]
    assert found == pytest.approx([row.wer, row.wer_low, row.wer_high], abs=0.0501)
    assert float(rtf) == pytest.approx(row.rtf, rel=0.06)


def test_sets_have_their_own_columns(results):
  heads, *rows = cells(table.markdown(table.set_table(results)))
  assert heads == ["model", "digits", "commands"]
  by_set = {(row.name, row.set): row for row in results.set_rows}
  for name, *texts in rows:
    for each, text in zip(heads[1:], texts, strict=True):
      assert float(text.split()[0]) == pytest.approx(by_set[name, each].wer, abs=0.0501)


def test_no_table_of_sets_for_a_single_set(results):
  assert table.set_table(dataclasses.replace(results, rows=results.main_rows)) is None


def test_the_marked_row_is_bold_and_no_other(results):
  text = table.markdown(table.main_table(results, results.main_rows[4]))
  bold = [line for line in text.splitlines() if "**" in line]
  assert len(bold) == 1 and results.main_rows[4].name in bold[0]


def test_without_a_dense_float_model_there_is_no_share(results):
  rows = tuple(row for row in results.rows if row.scheme != "float")
  _, *found = cells(table.markdown(table.main_table(dataclasses.replace(results, rows=rows))))
  assert {row[4] for row in found} == {table.NOTHING}


def test_a_terminal_of_80_columns_shows_every_cell_whole(results):
  written = io.StringIO()
  made = table.main_table(results)
  rich.console.Console(file=written, width=80).print(table.terminal(made))
  lines = written.getvalue().splitlines()
  for row in made.rows:
    assert any(all(str(cell) in line for cell in row) for line in lines), row[0].text


@pytest.mark.parametrize(
  "name", ["a|b", "*a*", "<b>", "`a`", "_a_", "a_b_c", "[a](b)", "a\\", "80 %"]
)
def test_names_are_shown_as_they_are(results, name):
  rows = tuple(dataclasses.replace(row, name=name) for row in results.main_rows[:1])
  made = table.main_table(dataclasses.replace(results, rows=rows))
  assert cells(table.markdown(made))[1][0] == name


def test_differences_are_paired_and_signed(make_results, tmp_path):
  results = make_results(tmp_path)
  made = table.difference_table(results, Evidence(results, tmp_path))
  _, *found = cells(table.markdown(made))
  wer = {row.name: row.wer for row in results.main_rows}
  assert len(found) == 8 + 4  # each to dense float; sparse quantized ones also to their own float
  for name, against, points, *_ in found:
    number = float(points.split()[0].replace("\N{MINUS SIGN}", "-"))
    assert number == pytest.approx(wer[name] - wer[against], abs=0.0501)


def test_no_differences_without_hypotheses(results, tmp_path):
  assert table.difference_table(results, Evidence(results, tmp_path)) is None
