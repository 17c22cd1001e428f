"""The page of a study: one section a question, each with its table and the claims it can answer.

Like page.py it computes everything from results.json and the hypotheses beside it; the templates
hold words and no numbers.
"""

import collections
import dataclasses
import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import markupsafe

from edge_rnnt.report import page, plot, plot_study, units
from edge_rnnt.report.claims import VERDICTS, Answer, Claim, answer
from edge_rnnt.report.evidence import Evidence
from edge_rnnt.report.results import Results, ResultsError, Row
from edge_rnnt.report.svg import to_svg
from edge_rnnt.report.table import NOTHING, Cell, Table, wer_cell

NOISE = (
  " SQNR: signal to quantization noise of the encoder's noisiest tensor, the engine that reads the "
  "file against these weights in float, on dev speech."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
  """One question of the study.

  Attributes:
    key: names the section on a command line and in a link.
    title, question: what it is about, in a few words and in a sentence.
    models: names of rows, in the order of the table; those that have not been run are named below.
    base: the model that the others are compared with; one of `models`.
    claims: what somebody else found.
    curve: whether its models differ in nothing but their sparsity, so that a curve may join them.
  """

  key: str
  title: str
  question: str
  models: tuple[str, ...]
  base: str
  claims: tuple[Claim, ...] = ()
  curve: bool = False

  def __post_init__(self) -> None:
    if self.base not in self.models:
      raise ResultsError(f"section {self.key}: its base {self.base} is none of its models")


@dataclasses.dataclass(frozen=True)
class Answered:
  """A section with what is known."""

  section: Section
  table: Table | None
  answers: tuple[Answer, ...]
  missing: tuple[str, ...]

  @property
  def verdicts(self) -> str:
    """How many claims agree, disagree, or are left open, of those that were measured."""
    return count_verdicts(each.verdict for each in self.answers if each.relative is not None)


class Told(NamedTuple):
  """A claim held against such a table by whoever measured it, in a whole sentence."""

  sentence: str
  verdict: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measured:
  """A table that was measured elsewhere (times on a device): heads, and rows of text.

  before: the section that it precedes, by its key; "", or one that is not there: after all.
  """

  key: str  # of a link to it
  title: str
  question: str
  heads: tuple[str, ...]
  rows: tuple[tuple[str, ...], ...]
  told: tuple[Told, ...] = ()
  before: str = ""

  @property
  def verdicts(self) -> str:
    """As those of a section."""
    return count_verdicts(each.verdict for each in self.told)

  @property
  def table(self) -> Table:
    return Table(
      caption="",
      heads=self.heads,
      aligns=("left", *("right" for _ in self.heads[1:])),
      rows=tuple(tuple(map(Cell, row)) for row in self.rows),
      schemes=tuple(_scheme(row) for row in self.rows),
    )


def write(
  results: Results,
  folder: str | os.PathLike,
  sections: Sequence[Section],
  measured: Sequence[Measured] = (),
  about: str = "",
) -> list[pathlib.Path]:
  """Writes report.html, report.md and their pictures into `folder`; returns what was written.

  about: what a reader should know before the tables.

  Raises ResultsError if a row's WER is not that of its hypotheses.
  """
  folder = pathlib.Path(folder)
  evidence = Evidence(results, folder)
  answered = [_answered(each, results, evidence) for each in sections]
  curve = [name for each in sections if each.curve for name in each.models]
  pictures = _draw(results, curve, folder)
  svgs = {path.stem: path.read_text(encoding="utf-8") for path in pictures if path.suffix == ".svg"}
  content: dict[str, Any] = {
    "results": results,
    "sections": answered,
    "keys": [each.key for each in sections],
    "measured": measured,
    "about": about,
    "speakers": page.speakers(results),
    "pictures": {name: markupsafe.Markup(text) for name, text in svgs.items()},
    "captions": plot_study.CAPTIONS,
  }
  written = [folder / "report.html", folder / "report.md"]
  for path in written:
    template = page.environment().get_template(f"study{path.suffix}.jinja")
    path.write_text(template.render(content), encoding="utf-8")
  return [*written, *pictures]


def count_verdicts(verdicts: Iterable[str]) -> str:
  """agrees 3, disagrees 1, cannot tell 2."""
  found = collections.Counter(verdicts)
  return ", ".join(f"{verdict} {found[verdict]}" for verdict in VERDICTS if found[verdict])


def section_table(section: Section, results: Results, evidence: Evidence) -> Table | None:
  """model | params left | % of base | bytes | least SQNR, if known | WER of each set | all |
  difference to base | p. None if no model of the section has been run.

  All of the seeds that all of its models were run with, so that rows can be compared by eye.
  """
  known = {row.name: row for row in results.main_rows}
  have = {name: known[name] for name in section.models if name in known}
  if not have:
    return None
  shared = set.intersection(*(set(row.runs) for row in have.values()))
  rows = {name: evidence.over(row, shared) for name, row in have.items()}
  chosen, base = list(rows.values()), rows.get(section.base)
  sets = tuple(dict.fromkeys(row.set for row in results.set_rows))
  by_set = {
    (row.name, row.set): evidence.over(row, shared) for row in results.set_rows if row.name in rows
  }
  wers = [f"{each}, WER %" for each in (*sets, "all")]
  noisy = any(row.fidelity is not None and row.fidelity.noisiest for row in chosen)
  heads = ("model", "params left", "% of base", "file bytes", "bytes, % of base")
  heads += (*["SQNR, dB"] * noisy, *wers, "minus base, points", "p")
  return Table(
    caption=_caption(chosen, have, results) + (NOISE if noisy else ""),
    heads=heads,
    aligns=("left", *["right"] * (len(heads) - 1)),
    rows=tuple(
      (
        Cell(row.name),
        Cell(units.count(row.nonzero)),
        _share(row.nonzero, base and base.nonzero),
        Cell(units.exact(row.bytes)),
        _share(row.bytes, base and base.bytes),
        *[_sqnr(row)] * noisy,
        *(_wer(by_set.get((row.name, each))) for each in sets),
        _wer(row),
        *_less(row, base, evidence),
      )
      for row in chosen
    ),
    schemes=tuple(row.scheme for row in chosen),
    marked=chosen.index(base) if base in chosen else None,
  )


def _answered(section: Section, results: Results, evidence: Evidence) -> Answered:
  have = {row.name for row in results.main_rows}
  return Answered(
    section,
    section_table(section, results, evidence),
    tuple(answer(claim, results, evidence) for claim in section.claims),
    tuple(name for name in section.models if name not in have),
  )


def _wer(row: Row | None) -> Cell:
  return Cell(NOTHING) if row is None else wer_cell(row)


def _share(number: int, whole: int | None) -> Cell:
  return Cell(NOTHING if whole is None else units.rate(100 * number / whole))


def _sqnr(row: Row) -> Cell:
  least = row.fidelity.noisiest if row.fidelity is not None else None
  return Cell(NOTHING if least is None else units.rate(least[1]), more=least[0] if least else "")


def _less(row: Row, base: Row | None, evidence: Evidence) -> tuple[Cell, Cell]:
  difference = None if base in (None, row) else evidence.difference(row, base)
  if difference is None:
    return Cell(NOTHING), Cell(NOTHING)
  points = [units.points(each) for each in difference[:3]]
  p = units.p_value(difference.p_value).removeprefix("p = ").removeprefix("p ")
  return Cell(points[0], f"[{points[1]}, {points[2]}]"), Cell(p)


def _caption(rows: Sequence[Row], before: Mapping[str, Row], results: Results) -> str:
  few, most = (pick(row.seeds for row in rows) for pick in (min, max))
  seeds = f"{f'{few} to ' if few < most else ''}{most} seed{'s' if most > 1 else ''}"
  if any(before[row.name].seeds > row.seeds for row in rows):
    seeds += ", which all of these were run with"
  tested = (each for each in results.data.portions if each.split == "test" and each.speakers)
  people = ", ".join(f"{each.set} {each.speakers}" for each in tested)
  return (
    f"Test: {units.exact(rows[0].words)} words, {seeds}. Brackets: 95 % intervals, by bootstrap "
    "over utterances (and seeds); differences by paired bootstrap. They tell nothing of other "
    f"people{f' than the test sets have ({people})' if people else ''}"
    f"{', nor of another training' if few == 1 else ''}."
  )


def _scheme(row: Sequence[str]) -> str:
  words = " ".join(row).split()
  return next((each for each in ("hybrid", "integer") if each in words), "float")


def _draw(results: Results, curve: Sequence[str], folder: pathlib.Path) -> list[pathlib.Path]:
  titles = {name: text for name, (_, text) in plot_study.CAPTIONS.items()}
  points = {f"point-{i}": page.pointed_at(row) for i, row in enumerate(results.main_rows)}
  figures = {"size_wer": plot.size_against_wer(results), **plot_study.figures(results, curve)}
  written = []
  for name, figure in figures.items():
    shown = points if name == "size_wer" else {}
    written += [folder / f"{name}.svg", folder / f"{name}.png"]
    text = to_svg(figure, name=name, title=titles[name], points=shown)
    written[-2].write_text(text + "\n", encoding="utf-8")
    figure.savefig(written[-1], dpi=160, facecolor="white", metadata={"Software": None})
  return written
