"""The card of a model that is given away: what it can do, cannot do, and was made of.

Everything in it comes from results.json, the configs of the runs, and the device file itself.
"""

import dataclasses
from collections.abc import Sequence

from edge_rnnt.device.container import Container
from edge_rnnt.report import page, units
from edge_rnnt.report.findings import FEW_SPEAKERS
from edge_rnnt.report.results import Portion, Results, ResultsError, Row
from edge_rnnt.report.table import NOTHING, Cell, Table, wer_cell
from edge_rnnt.text.wordpiece import WordPieces

UNHEARD = 50.0
"""WER in percent above which the card says that a kind of speech is not recognized."""


@dataclasses.dataclass(frozen=True)
class Stage:
  """A stretch of training; sparsity below 0: as before."""

  name: str
  steps: int
  sparsity: float
  quantize: str


@dataclasses.dataclass(frozen=True)
class Training:
  """One of the runs that led to the model, the first first. `config`: where all settings lie."""

  command: str
  commit: str
  seed: int
  stages: tuple[Stage, ...]
  config: str


def text(
  results: Results,
  row: Row,
  container: Container,
  training: Sequence[Training],
  licences: Sequence[str],
) -> str:
  """The card in Markdown. row: the model's, over all sets. Raises ResultsError for a row that is
  no single file's.
  """
  if row.seeds != 1:
    raise ResultsError(
      f"{row.name} is {row.seeds} runs taken together, and its numbers are no single file's: give "
      f"the folder of one of them, such as {row.device_file.partition('/')[0]}"
    )
  few = {
    each.set: each.speakers
    for each in results.data.portions
    if each.split == "test" and each.speakers and each.speakers < FEW_SPEAKERS
  }
  return (
    page.environment()
    .get_template("card.md.jinja")
    .render(
      results=results,
      row=row,
      table=_table(results, row),
      sample_rate=container.front_end.sample_rate,
      pieces=WordPieces(container.wordpieces).vocab_size - 1,
      speakers=page.speakers(results),
      domains=results.data.name,
      few=few,
      unheard=[portion.set for each, portion in _by_set(results, row) if _unheard(each, portion)],
      licences=licences,
      training=training,
    )
  )


def _by_set(results: Results, row: Row) -> list[tuple[Row, Portion | None]]:
  """The model's rows, each with the test set that it is of; None: of all together."""
  rows = [each for each in results.rows if each.name == row.name]
  tested = {each.set: each for each in results.data.portions if each.split == "test"}
  # Of a single set there is but the row for all of them.
  only = next(iter(tested.values())) if len(rows) == len(tested) == 1 else None
  return [(each, tested.get(each.set, only)) for each in rows]


def _unheard(row: Row, portion: Portion | None) -> bool:
  return portion is not None and row.wer > UNHEARD


def _table(results: Results, row: Row) -> Table:
  """set | WER with interval | words | utterances | speakers.

  Where a set is not heard at all there is no row of all together: it would tell of the sets' sizes.
  """
  rows, cells = _by_set(results, row), []
  if any(_unheard(*each) for each in rows):
    rows = [each for each in rows if each[1] is not None]
  for each, portion in rows:
    name = portion.set if portion else "all together"
    known = portion is not None and portion.speakers is not None
    cells.append(
      (
        Cell(name),
        wer_cell(each),
        Cell(units.exact(each.words)),
        Cell(units.exact(portion.utterances) if portion else NOTHING),
        Cell(str(portion.speakers) if known else NOTHING),
      )
    )
  return Table(
    caption="",
    heads=("test set", "WER % [95 %]", "words", "utterances", "speakers"),
    aligns=("left", *["right"] * 4),
    rows=tuple(cells),
    schemes=tuple(each.scheme for each, _ in rows),
  )
