"""Tables of results, defined once and written as Markdown, on a terminal, in page.html.jinja.

A cell is text that any of them can show, and the numbers behind it where HTML also draws them.
"""

import dataclasses
import re
import textwrap
from collections.abc import Callable
from typing import Literal, NamedTuple

import rich.box
import rich.markup
import rich.table

from edge_rnnt.report import findings, units
from edge_rnnt.report.evidence import Evidence
from edge_rnnt.report.results import POOLED, Results, Row

NOTHING = "\N{EN DASH}"


class Cell(NamedTuple):
  """Text of one cell, and an aside of less weight. Only HTML has room for `more`, and draws `share`
  (0 to 1) as a bar and `span` (low, middle, high) as an interval."""

  text: str
  aside: str = ""
  more: str = ""
  share: float | None = None
  span: tuple[float, float, float] | None = None

  def __str__(self) -> str:
    return f"{self.text} {self.aside}".strip()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Column:
  """One column: its head, and the cell it makes of a row and the row that is 100 %."""

  head: str
  cell: Callable[[Row, Row | None], Cell]
  align: Literal["left", "right"] = "right"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
  """Heads and cells, ready to be written."""

  caption: str
  heads: tuple[str, ...]
  aligns: tuple[Literal["left", "right"], ...]
  rows: tuple[tuple[Cell, ...], ...]
  schemes: tuple[str, ...]  # of each row: HTML marks them in the colours of the plot
  marked: int | None = None  # the row that is set off

  @property
  def scale(self) -> float:
    """The right end of the scale that spans are drawn on."""
    return max((cell.span[2] for row in self.rows for cell in row if cell.span), default=0) or 1.0


def _model(row: Row, base: Row | None) -> Cell:
  return Cell(row.name)


def _sparsity(row: Row, base: Row | None) -> Cell:
  return Cell(units.share(row.sparsity) if row.sparsity else "dense")


def _params(row: Row, base: Row | None) -> Cell:
  whole = units.count(row.params)
  return (
    Cell(whole) if row.nonzero == row.params else Cell(units.count(row.nonzero), more=f"of {whole}")
  )


def _bytes(row: Row, base: Row | None) -> Cell:
  return Cell(units.exact(row.bytes))


def _share(row: Row, base: Row | None) -> Cell:
  if base is None:
    return Cell(NOTHING)
  share = row.bytes / base.bytes
  return Cell(units.rate(100 * share), share=min(share, 1.0))


def wer_cell(row: Row) -> Cell:
  """WER with its interval."""
  interval = f"[{units.rate(row.wer_low)}, {units.rate(row.wer_high)}]"
  return Cell(units.rate(row.wer), interval, span=(row.wer_low, row.wer, row.wer_high))


def _wer(row: Row, base: Row | None) -> Cell:
  return wer_cell(row)


def _rtf(row: Row, base: Row | None) -> Cell:
  return Cell(NOTHING if row.rtf is None else units.factor(row.rtf))


COLUMNS = (
  Column(head="model", cell=_model, align="left"),
  Column(head="sparsity", cell=_sparsity),
  Column(head="params", cell=_params),
  Column(head="file bytes", cell=_bytes),
  Column(head="% of dense float", cell=_share),
  Column(head="WER % [95 % interval]", cell=_wer),
  Column(head="RTF", cell=_rtf),
)


def main_table(results: Results, marked: Row | None = None) -> Table:
  """model | sparsity | params | file bytes | % of dense float | WER with interval | RTF, on all
  test sets together."""
  base = results.dense_float
  return Table(
    caption=_words(results.main_rows),
    heads=tuple(column.head for column in COLUMNS),
    aligns=tuple(column.align for column in COLUMNS),
    rows=tuple(tuple(c.cell(row, base) for c in COLUMNS) for row in results.main_rows),
    schemes=tuple(row.scheme for row in results.main_rows),
    marked=None if marked is None else results.main_rows.index(marked),
  )


def set_table(results: Results, marked: Row | None = None) -> Table | None:
  """model x test set: WER with interval. None if there is only one set."""
  if not results.set_rows:
    return None
  sets = tuple(dict.fromkeys(row.set for row in results.set_rows))
  found = {(row.name, row.set): wer_cell(row) for row in results.set_rows}
  rows = tuple(
    (_model(row, None), *(found.get((row.name, each), Cell(NOTHING)) for each in sets))
    for row in results.main_rows
  )
  return Table(
    caption=_words(results.set_rows) + " WER in percent with its 95 % interval.",
    heads=("model", *sets),
    aligns=("left", *("right" for _ in sets)),
    rows=rows,
    schemes=tuple(row.scheme for row in results.main_rows),
    marked=None if marked is None else results.main_rows.index(marked),
  )


def difference_table(results: Results, evidence: Evidence) -> Table | None:
  """What each model's WER is more than another's, on the same utterances. None if not known."""
  found = [(pair, evidence.difference(*pair)) for pair in findings.pairs(results)]
  found = [(pair, difference) for pair, difference in found if difference is not None]
  if not found:
    return None
  rows = tuple(
    (
      _model(pair.row, None),
      Cell(pair.base.name),
      Cell(units.points(d.points), f"[{units.points(d.low)}, {units.points(d.high)}]"),
      Cell(units.p_value(d.p_value).removeprefix("p = ").removeprefix("p ")),
      Cell(findings.verdict(pair, evidence)),
    )
    for pair, d in found
  )
  return Table(
    caption="Points: WER less that of the other, on the same utterances (paired bootstrap). By "
    "luck alone one verdict in 20 would be better or worse.",
    heads=("model", "against", "points [95 % interval]", "p", "verdict"),
    aligns=("left", "left", "right", "right", "left"),
    rows=rows,
    schemes=tuple(pair.row.scheme for pair, _ in found),
  )


def training_table(results: Results, evidence: Evidence) -> Table | None:
  """Weights x what chose them: dev WER, the test WER of every seed, blocks that came back. None
  unless several runs are joined."""
  rows = [row for row in results.main_rows if row.scheme == "float"]
  if not any("/" in row.weights for row in rows):
    return None
  return Table(
    caption="WER in percent. Dev is what choices are made by; test only reports.",
    heads=("weights", "seeds", "dev WER", "test WER", "of each seed", "blocks back"),
    aligns=("left", *["right"] * 5),
    rows=tuple(
      (
        Cell(row.weights or row.name),
        Cell(str(row.seeds)),
        Cell(NOTHING if row.dev_wer is None else units.rate(row.dev_wer)),
        wer_cell(row),
        Cell(" ".join(units.rate(wer) for wer in evidence.wer_of_each_seed(row)) or NOTHING),
        Cell(NOTHING if row.blocks_back is None else units.share(row.blocks_back)),
      )
      for row in rows
    ),
    schemes=tuple(row.scheme for row in rows),
  )


def markdown(table: Table) -> str:
  """A pipe table; the marked row is bold."""
  lines = [
    _pipes([escape(head) for head in table.heads]),
    _pipes(["---:" if align == "right" else "---" for align in table.aligns]),
  ]
  for i, cells in enumerate(table.rows):
    texts = [escape(str(cell)) for cell in cells]
    lines.append(_pipes([f"**{text}**" for text in texts] if i == table.marked else texts))
  return "\n".join(lines)


def terminal(table: Table) -> rich.table.Table:
  """For rich.print, narrow enough for 80 columns if names are short; the marked row is bold."""
  drawn = rich.table.Table(box=rich.box.SIMPLE_HEAD, padding=0, pad_edge=False)
  columns = zip(*table.rows, strict=True)
  for head, align, cells in zip(table.heads, table.aligns, columns, strict=True):
    width = max(len(text) for text in [*map(str, cells), *head.split()])
    folded = textwrap.fill(head, width, break_long_words=False)
    drawn.add_column(rich.markup.escape(folded), justify=align, vertical="bottom")
  for i, cells in enumerate(table.rows):
    texts = [rich.markup.escape(str(cell)) for cell in cells]
    drawn.add_row(*texts, style="bold green" if i == table.marked else None)
  return drawn


def escape(text: str) -> str:
  """Text that Markdown shows as it is, within a table too."""
  text = re.sub(r"[\\|`*<>]|(?<!\w)_|_(?!\w)", r"\\\g<0>", text)
  return text.replace("](", "]\\(")


def _pipes(texts: list[str]) -> str:
  return f"| {' | '.join(texts)} |"


def _words(rows: tuple[Row, ...]) -> str:
  """How much was tested: commands 812 words, digits 500 words."""
  words = {"" if row.set == POOLED else f"{row.set} ": row.words for row in rows}
  seeds = max(row.seeds for row in rows)
  pooled = (
    f" WER: mean over {seeds} seeds; intervals over utterances and seeds." if seeds > 1 else ""
  )
  return f"Test: {', '.join(f'{name}{units.exact(n)} words' for name, n in words.items())}.{pooled}"
