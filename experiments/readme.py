r"""Puts the results of a run into README.md, so that its table and plot are never typed in.

  python -m experiments.readme --workdir=runs/quickstart

Replaces what stands between the two `results` marks, and copies results.json and the plot to docs/.
"""

import pathlib
import re
import shutil

from absl import app, flags

from edge_rnnt.report import findings, results, table, units
from edge_rnnt.report.evidence import Evidence

_WORKDIR = flags.DEFINE_string("workdir", "runs/quickstart", "The finished run.")

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
BETWEEN_MARKS = re.compile(r"(<!-- results -->\n).*(<!-- /results -->)", re.DOTALL)


def main(argv: list[str]) -> None:
  if len(argv) > 1:
    raise app.UsageError(f"unknown arguments {argv[1:]}")
  workdir = pathlib.Path(_WORKDIR.value)
  found = results.load(workdir / "results.json")
  docs = REPOSITORY / "docs"
  docs.mkdir(exist_ok=True)
  for name in ("results.json", "size_wer.png"):
    shutil.copyfile(workdir / name, docs / f"quickstart-{name}")
  readme = REPOSITORY / "README.md"
  text, count = BETWEEN_MARKS.subn(
    lambda marks: marks[1] + section(found, workdir) + marks[2], readme.read_text(encoding="utf-8")
  )
  if count != 1:
    raise ValueError(f"{readme} has {count} pairs of the marks <!-- results -->, expected one")
  readme.write_text(text, encoding="utf-8")


def section(found: results.Results, workdir: pathlib.Path) -> str:
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


if __name__ == "__main__":
  app.run(main)
