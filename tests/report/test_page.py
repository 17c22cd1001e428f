"""The page tells the numbers of results.json, needs nothing from elsewhere and hides nothing."""

import dataclasses
import html.parser
import io
import re

import pytest
import rich.console

from edge_rnnt.report import page, terminal
from edge_rnnt.report.hypotheses import read_hypotheses, rescore, write_hypotheses
from edge_rnnt.report.results import Data, scores
from edge_rnnt.report.schema import ResultsError

VOID = {"meta", "br", "img", "link", "hr", "input"}


class Page(html.parser.HTMLParser):
  """Tables by their label, as rows of cell texts; and every tag, checked to be closed."""

  def __init__(self, text: str):
    super().__init__()
    self.tables: dict[str, list[list[str]]] = {}
    self.tags: list[tuple[str, dict[str, str]]] = []
    self._open: list[str] = []
    self.feed(text)
    self.close()
    assert not self._open

  def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
    self.tags.append((tag, dict(attrs)))
    if tag not in VOID:
      self._open.append(tag)
    if tag == "table":
      self._rows = self.tables.setdefault(dict(attrs)["aria-label"], [])
    elif tag == "tr":
      self._rows.append([])
    elif tag in ("td", "th"):
      self._rows[-1].append("")

  def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
    self.tags.append((tag, dict(attrs)))

  def handle_endtag(self, tag: str) -> None:
    assert self._open.pop() == tag

  def handle_data(self, data: str) -> None:
    if {"td", "th"} & set(self._open):
      self._rows[-1][-1] = " ".join(f"{self._rows[-1][-1]} {data}".split())


@pytest.fixture(scope="module")
def run(make_results, tmp_path_factory):
  """Results, the folder that the page was written to, and the page."""
  folder = tmp_path_factory.mktemp("run")
  results = make_results(folder)
  page.write(results, folder)
  return results, folder, (folder / "report.html").read_text()


def numbers(text: str) -> list[float]:
  return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\.?\d*", text)]


def test_html_numbers_are_those_of_the_rows(run):
  results, _, text = run
  heads, *rows = Page(text).tables["All models"]
  assert heads[3:5] == ["file bytes", "% of dense float"]
  dense = results.dense_float
  for row, cells in zip(results.main_rows, rows, strict=True):
    assert cells[0] == row.name
    assert numbers(cells[3]) == [row.bytes]
    assert numbers(cells[4]) == pytest.approx([100 * row.bytes / dense.bytes], abs=0.0501)
    assert numbers(cells[5].replace(", ", " ")) == pytest.approx(
      [row.wer, row.wer_low, row.wer_high], abs=0.0501
    )
    assert numbers(cells[6]) == pytest.approx([row.rtf], rel=0.06)


def test_html_and_markdown_tell_the_same_tables(run):
  _, folder, text = run
  tables = Page(text).tables
  found = re.findall(r"(?:^\|.*\n)+", (folder / "report.md").read_text(), re.MULTILINE)
  assert len(found) == len(tables) == 4
  for markdown, rows in zip(found, tables.values(), strict=True):
    lines = [line.strip("| ").replace("**", "").split(" | ") for line in markdown.splitlines()]
    assert [lines[0], *lines[2:]] == [
      [re.sub(r" of [\d.]+ [kM]$", "", cell) for cell in cells] for cells in rows
    ]


def test_the_page_needs_nothing_from_elsewhere(run):
  _, _, text = run
  tags = Page(text).tags
  assert not {tag for tag, _ in tags} & {"script", "link", "img", "iframe", "object", "base"}
  for _, attributes in tags:
    assert not attributes.get("src") and attributes.get("href", "#").startswith("#")
    assert not any(name.startswith("on") for name in attributes)
  assert "@import" not in text
  assert set(re.findall(r"https?://[^\"'< ]+", text)) == {"http://www.w3.org/2000/svg"}
  assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", text))
  ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
  assert len(ids) == len(set(ids))


def test_both_pages_carry_the_evidence(run):
  results, folder, text = run
  plain = re.sub(r"\s+", " ", text.replace("\N{NO-BREAK SPACE}", " "))
  markdown = (folder / "report.md").read_text()
  for found in (plain, markdown):
    assert results.command in found
    assert "jax" in found and "0.10.2" in found
    assert "10 min 4 s" in found  # 12 + 540 + 31.5 + 20
    assert "12.4 % came back" in found
    assert "No test speaker was trained on." in found
    assert "25 % of the training speech" in found
    assert results.normalizer in found
    assert all(command in found for command in results.next_commands.values())
    assert "Synthetic speech" not in found
  assert "![Training" in markdown and (folder / "training.png").read_bytes()[:4] == b"\x89PNG"


def test_synthetic_speech_is_never_silent(run, tmp_path):
  results, *_ = run
  data = dataclasses.replace(results.data, synthetic=True)
  page.write(dataclasses.replace(results, data=data), tmp_path)
  assert 'class="banner"' in (tmp_path / "report.html").read_text()
  assert "> **Synthetic speech.**" in (tmp_path / "report.md").read_text()
  written = io.StringIO()
  terminal.show(
    dataclasses.replace(results, data=data), tmp_path, rich.console.Console(file=written)
  )
  assert "Synthetic test speech" in written.getvalue()


def test_the_least_there_can_be_makes_a_page(run, tmp_path):
  results, *_ = run
  data = Data(name="digits", description="People count.", synthetic=False)
  row = dataclasses.replace(results.main_rows[0], rtf=None)
  least = dataclasses.replace(
    results, data=data, rows=(row,), notes=(), seconds={}, recovery=None, charts=(), machine="",
    next_commands={},
  )  # fmt: skip
  written = page.write(least, tmp_path)
  assert [path.name for path in written] == [
    "report.html",
    "report.md",
    "size_wer.svg",
    "size_wer.png",
  ]
  text = (tmp_path / "report.html").read_text()
  assert Page(text).tables.keys() == {"All models"}
  assert "Whether test speakers were also trained on is not known." in text


def test_markup_in_words_and_names_is_only_text(run, tmp_path):
  results, folder, _ = run
  row = results.main_rows[0]
  heard = read_hypotheses(folder / row.hypotheses)
  write_hypotheses(tmp_path / row.hypotheses, [each._replace(id=f"<b>{each.id}") for each in heard])
  hostile = dataclasses.replace(row, name="<script>alert('$x_1$')</script>")
  page.write(dataclasses.replace(results, rows=(hostile,), command="a </code><b>"), tmp_path)
  parsed = Page((tmp_path / "report.html").read_text())
  assert not {"script", "b"} & {tag for tag, _ in parsed.tags}
  assert parsed.tables["All models"][1][0] == hostile.name


def test_a_page_is_not_made_of_numbers_that_the_hypotheses_deny(run, tmp_path):
  results, *_ = run
  row = results.main_rows[0]
  write_hypotheses(tmp_path / row.hypotheses, [("u1", "one two", "one two")])
  with pytest.raises(ResultsError, match=r"gives 0\.0 % of 2"):
    page.write(dataclasses.replace(results, rows=(row,)), tmp_path)
  assert not (tmp_path / "report.html").exists()


def test_the_terminal_shows_table_headline_and_what_is_next(run):
  results, folder, _ = run
  written = io.StringIO()
  terminal.show(results, folder, rich.console.Console(file=written, width=80))
  text = written.getvalue()
  assert all(row.name in text and f"{row.bytes:,}" in text for row in results.main_rows)
  assert "of the bytes" in text and str(folder / "report.html") in text
  commands = [line for line in text.splitlines() if line.startswith("  ") and " -m " in line]
  assert len(commands) == 2 and "edge_rnnt.device.transcribe --model" in commands[0]


def test_a_worse_model_is_not_set_off(make_results, tmp_path):
  results = make_results(tmp_path)
  small = min(results.main_rows, key=lambda row: row.bytes)
  silent = [each._replace(hypothesis="") for each in read_hypotheses(tmp_path / small.hypotheses)]
  write_hypotheses(tmp_path / small.hypotheses, silent)
  worse = dataclasses.replace(small, **scores(rescore(silent)))
  page.write(dataclasses.replace(results, rows=(results.dense_float, worse)), tmp_path)
  text = (tmp_path / "report.html").read_text()
  marked = re.search(r'<tr class="marked".*?<th scope="row">.*?</span>(.*?)</th>', text, re.DOTALL)
  assert marked[1] == results.dense_float.name
