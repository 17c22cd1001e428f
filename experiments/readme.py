r"""Puts the results of runs into README.md, so that its tables and plots are never typed in.

  python -m experiments.readme --study=runs/study
  python -m experiments.readme --workdir=runs/quickstart

Replaces what stands between a pair of marks, <!-- study --> and <!-- /study --> or <!-- results -->
and <!-- /results -->. The study's whole report goes to docs/study with what it was counted
from (packed_points.py), the quickstart's results.json and plot to docs.
"""

import argparse
import pathlib
import re
import shutil
import sys
from typing import Any

from edge_rnnt.report import findings, results, study, table, units
from edge_rnnt.report.claims import answer
from edge_rnnt.report.evidence import Evidence
from experiments import packed_points, study_device, study_point, study_tables

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
OF_A_STUDY = ("results.json", "device.json", "report.html", "report.md", "*.png")


class NoMarks(ValueError):
  """The README has no place for what was to be put into it."""


def main() -> None:
  parser = argparse.ArgumentParser(prog="python -m experiments.readme")
  parser.add_argument("--study", type=pathlib.Path, help="the --workdir of a study")
  parser.add_argument("--workdir", type=pathlib.Path, help="a finished quickstart")
  options = parser.parse_args()
  if not options.study and not options.workdir:
    parser.error("expected --study=FOLDER or --workdir=FOLDER")
  try:
    if options.study:
      put_study(options.study, REPOSITORY)
    if options.workdir:
      put_quickstart(options.workdir, REPOSITORY)
  except (NoMarks, results.ResultsError) as error:
    sys.exit(f"{type(error).__name__}: {error}")


def put_quickstart(workdir: pathlib.Path, repository: pathlib.Path) -> None:
  """Raises NoMarks; ResultsError for results that can't be read."""
  found = results.load(workdir / "results.json")
  put(repository / "README.md", "results", quickstart_section(found, workdir))
  docs = repository / "docs"
  docs.mkdir(exist_ok=True)
  for name in ("results.json", "size_wer.png"):
    shutil.copyfile(workdir / name, docs / f"quickstart-{name}")


def put_study(workdir: pathlib.Path, repository: pathlib.Path) -> None:
  """Raises NoMarks; ResultsError for results that can't be read or have no dense model yet."""
  found = results.load(workdir / "results.json")
  put(repository / "README.md", "study", study_section(found, workdir))
  docs = repository / "docs" / "study"
  docs.mkdir(parents=True, exist_ok=True)
  for pattern in OF_A_STUDY:
    for before in docs.glob(pattern):
      before.unlink()
    for path in workdir.glob(pattern):
      shutil.copyfile(path, docs / path.name)
  packed_points.pack(workdir, docs / "points.tar.xz")


def put(readme: pathlib.Path, name: str, text: str) -> None:
  """Replaces what stands between the marks of that name. Raises NoMarks but for one pair."""
  between = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
  changed, count = between.subn(
    lambda marks: marks[1] + text + marks[2], readme.read_text(encoding="utf-8")
  )
  if count != 1:
    raise NoMarks(
      f"{readme} has {count} pairs of the marks <!-- {name} --> and <!-- /{name} -->, each on a "
      "line of its own; expected one"
    )
  readme.write_text(changed, encoding="utf-8")


def quickstart_section(found: results.Results, workdir: pathlib.Path) -> str:
  """Table, plot and what was measured, in Markdown."""
  evidence = Evidence(found, workdir)
  row = findings.chosen(found, evidence)
  whole = sum(found.seconds.values())
  parts = [
    f"**{findings.headline(found, evidence)}** {findings.caution(found, evidence)}",
    table.markdown(table.main_table(found, row)),
    "![Size against word error rate](docs/quickstart-size_wer.png)",
    f"`{found.command}`, {units.duration(whole)} on {found.machine}. {found.data.description}.",
  ]
  by_set = table.set_table(found, row)
  if by_set is not None:
    parts.insert(2, table.markdown(by_set))
  return "\n\n".join(parts) + "\n"


def study_section(found: results.Results, workdir: pathlib.Path) -> str:
  """The half sparse model in a sentence, the models to choose from, each table's verdicts, and the
  plot.
  """
  evidence = Evidence(found, workdir)
  row, base = (_row(found, name) for name in (study_tables.SHOWN_FIRST, study_tables.HEADLINE[0]))
  shown = study_tables.HEADLINE
  brief = study.Section(key="", title="", question="", models=shown, base=base.name)
  parts = [
    _sentence(row, base, evidence),
    table.markdown(study.section_table(brief, found, evidence)),
    "\n".join(_verdicts(found, evidence, study_device.read(workdir))),
    "![Size against word error rate](docs/study/size_wer.png)",
    f"`{found.command}`: runs of {units.duration(sum(found.seconds.values()))} in all, each on "
    f"{found.machine}. All tables, intervals and plots: "
    "[docs/study/report.md](docs/study/report.md).",
  ]
  return "\n\n".join(parts) + "\n"


def _row(found: results.Results, name: str) -> results.Row:
  row = next((row for row in found.main_rows if row.name == name), None)
  if row is None:
    raise results.ResultsError(f"the study has no {name} yet, which the README is to tell of")
  return row


def _sentence(row: results.Row, base: results.Row, evidence: Evidence) -> str:
  said = (
    f"**{row.name}: {units.share(row.bytes / base.bytes)} of the dense float model's bytes, WER "
    f"{units.rate(row.wer)} % against {units.rate(base.wer)} %**"
  )
  less = evidence.difference(row, base)
  if less is None:
    return said
  low, high = units.points(less.low), units.points(less.high)
  verdict = "more than chance explains" if evidence.worse(row, base) else "not told apart"
  seeds = len(less.of_each_seed)
  return (
    f"{said} ({units.points(less.points)} points, 95 % interval {low} to {high}, "
    f"{f'{seeds} seeds' if seeds > 1 else 'one seed'}: {verdict})"
  )


def _verdicts(found: results.Results, evidence: Evidence, timed: list[dict[str, Any]]) -> list[str]:
  """A line for each table that has claims to answer, in the order of the page."""
  asked = study_tables.questions(study_point.get_config(), (0,))
  lines = []
  for section in (each.section for each in asked):
    answers = [answer(claim, found, evidence) for claim in section.claims]
    measured = [each for each in answers if each.relative is not None]
    if timed and section.key == study_device.BEFORE:
      lines.append(f"- {study_device.TITLE}: {study_device.table(timed).verdicts}")
    if measured:
      lines.append(f"- {section.title}: {study.count_verdicts(each.verdict for each in measured)}")
  return lines


if __name__ == "__main__":
  main()
