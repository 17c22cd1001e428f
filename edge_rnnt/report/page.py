"""The results page: report.html, one file that opens anywhere, and report.md, the same in Markdown.

Both are filled from the same content, which is computed from results.json and the hypotheses beside
it; the templates hold words and no numbers.
"""

import os
import pathlib
import re
import shlex
from typing import Any

import jinja2
import markupsafe

from edge_rnnt.report import examples, findings, plot, table, units
from edge_rnnt.report.evidence import Evidence
from edge_rnnt.report.provenance import interpreter
from edge_rnnt.report.results import Results, Row
from edge_rnnt.report.svg import to_svg
from edge_rnnt.report.table_fidelity import fidelity_table

_TOGETHER = re.compile(r"(?<=\d) (?=(?:%|kB|MB|GB|k|M|s|min|h|points|words)\b|%)")


def write(results: Results, folder: str | os.PathLike) -> list[pathlib.Path]:
  """Writes report.html, report.md and their pictures (SVG and PNG); returns what was written.

  folder: where results.json, the hypotheses and the device files lie. Raises ResultsError if a
  row's WER is not that of its hypotheses.
  """
  folder = pathlib.Path(folder)
  content = _content(results, Evidence(results, folder), folder)
  pictures = _draw(results, content, folder)
  svgs = {path.stem: path.read_text(encoding="utf-8") for path in pictures if path.suffix == ".svg"}
  content["pictures"] = {name: markupsafe.Markup(text) for name, text in svgs.items()}
  written = [folder / "report.html", folder / "report.md"]
  for path in written:
    template = environment().get_template(f"page{path.suffix}.jinja")
    path.write_text(template.render(content), encoding="utf-8")
  return [*written, *pictures]


def next_commands(results: Results, row: Row, folder: str | os.PathLike) -> dict[str, str]:
  """What for -> command: transcribing with the row's device file, then those of the results."""
  device_file, sample = (
    shlex.quote(str(pathlib.Path(folder) / each)) for each in (row.device_file, results.sample)
  )
  command = f"{interpreter()} -m edge_rnnt.device.transcribe --model {device_file} {sample}"
  return {"Transcribe a recording with this model": command, **results.next_commands}


def _content(results: Results, evidence: Evidence, folder: pathlib.Path) -> dict[str, Any]:
  """All that the templates show."""
  row, base = findings.chosen(results, evidence), results.dense_float
  return {
    "results": results,
    "row": row,
    "base": base,
    "headline": findings.headline(results, evidence),
    "caution": findings.caution(results, evidence),
    "findings": findings.findings(results, evidence),
    "description": findings.describe(row, results),
    "main_table": table.main_table(results, row),
    "set_table": table.set_table(results, row),
    "training_table": table.training_table(results, evidence),
    "fidelity_table": fidelity_table(results),
    "difference_table": table.difference_table(results, evidence),
    "examples": examples.drawn(results, evidence, row),
    "errors": examples.errors(evidence.heard(row)),
    "speakers": speakers(results),
    "next_commands": next_commands(results, row, folder),
  }


def speakers(results: Results) -> str:
  """What is known of the test speakers."""
  unseen = results.data.unseen_speakers
  if unseen is None:
    return "Whether test speakers were also trained on is not known."
  return "No test speaker was trained on." if unseen else "Some test speakers were also trained on."


def _draw(results: Results, content: dict[str, Any], folder: pathlib.Path) -> list[pathlib.Path]:
  points = {f"point-{i}": pointed_at(row) for i, row in enumerate(results.main_rows)}
  figures = {"size_wer": (plot.size_against_wer(results), points)}
  if results.charts:
    figures["training"] = (plot.training(results.charts), {})
  titles = {"size_wer": content["headline"], "training": "Training: what was measured, by step"}
  written = []
  for name, (figure, shown) in figures.items():
    written += [folder / f"{name}.svg", folder / f"{name}.png"]
    text = to_svg(figure, name=name, title=titles[name], points=shown)
    written[-2].write_text(text + "\n", encoding="utf-8")
    figure.savefig(written[-1], dpi=160, facecolor="white", metadata={"Software": None})
  return written


def pointed_at(row: Row) -> str:
  """What a picture says of a model when its point is pointed at."""
  return (
    f"{row.name}: {units.size(row.bytes)}, WER {units.rate(row.wer)} % "
    f"[{units.rate(row.wer_low)}, {units.rate(row.wer_high)}]"
  )


def environment() -> jinja2.Environment:
  """Templates of this room, with the filters that they use."""
  environment = jinja2.Environment(
    loader=jinja2.PackageLoader("edge_rnnt.report", ""),
    autoescape=lambda name: name is not None and ".html" in name,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
  )
  environment.globals["units"] = units
  environment.filters |= {"md": table.escape, "md_table": table.markdown, "together": _together}
  return environment


def _together(text: str) -> str:
  """Numbers and their units on one line of a page."""
  return _TOGETHER.sub("\N{NO-BREAK SPACE}", text)
