"""Table 5 of the study: models of its tables on the device, and the paper's at its size.

Rows are those of experiments.benchmarks.recognizer, which is run once for each subject; what has
been measured is kept in WORKDIR/device.json, a flat list.
"""

import json
import pathlib
import subprocess
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from edge_rnnt import whole
from edge_rnnt.report import units
from edge_rnnt.report.claims import AGREES, DISAGREES
from edge_rnnt.report.schema import ResultsError
from edge_rnnt.report.study import Measured, Told
from edge_rnnt.report.table import NOTHING

FILE = "device.json"
KEY, TITLE, BEFORE = "device", "5. On the device", "beyond"
BENCHMARK = "experiments.benchmarks.recognizer"
OURS = "edge_rnnt"
POINTS = ("dense-after-0", "sparse-after-0", "edge-50%-0", "edge-70%-0")
"""Those whose device files are measured; training with rounding changes no shape."""
PAPER = "paper_lstm,paper_lstm:0.8,paper_edge:0.5:0.3"
PAPER_RATIO, ABOUT = 0.3, 0.1
"""Time of the integer model over the float model's, on a Pixel 3's small cores, in the paper, which
says "about": up to so much more agrees."""


class NotMeasured(ResultsError):
  """The benchmark ended without rows; the message is its own."""


def measure(workdir: pathlib.Path) -> None:
  """Measures the finished points and the paper's models that have no rows yet.

  Raises NotMeasured.
  """
  found = read(workdir)
  have = {row["subject"] for row in found}
  finished = [name for name in POINTS if (workdir / name / "results.json").exists()]
  asked = {name.rpartition("-")[0]: ("--trained", str(workdir / name)) for name in finished}
  asked["paper"] = (f"--models={PAPER}",)
  for subject, options in asked.items():
    if subject in have:
      continue
    print(f"On the device: {subject}", flush=True)
    command = [sys.executable, "-m", BENCHMARK, "--json", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    try:
      rows = json.loads(done.stdout)
    except ValueError:
      raise NotMeasured(
        f"{subject}: {BENCHMARK} ended with code {done.returncode} and no rows (see above)"
      ) from None
    found += [{"subject": subject, **row} for row in rows]
    whole.write_text(workdir / FILE, json.dumps(found, indent=1) + "\n")


def read(workdir: pathlib.Path) -> list[dict[str, Any]]:
  """The rows that are there."""
  path = workdir / FILE
  return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def table(rows: Sequence[dict[str, Any]]) -> Measured:
  """model | runtime | scheme | RTF | x LiteRT float | first, last token | memory | file."""
  heads = (
    "model", "runtime", "numbers", "RTF", "x LiteRT float", "first token, ms", "last token, ms",
    "memory, MB", "file, MB",
  )  # fmt: skip
  drawn = any(row["weights"] == "random" for row in rows)
  return Measured(
    key=KEY,
    title=TITLE,
    question="One stream, one thread, 0.1 s of audio at a time, the same audio in every runtime "
    f"(python -m {BENCHMARK}). Memory: the process's peak beyond Python and our front end. Delays: "
    "after what was needed for a token was spoken."
    + (" Models named paper have random weights: they tell times and bytes." if drawn else ""),
    before=BEFORE,
    heads=heads,
    rows=tuple(
      (
        named(row),
        row["runtime"],
        row["scheme"],
        units.factor(row["rtf"]),
        _ratio(row["ratio_hot"]),
        _number(row["first_token_ms"]),
        _number(row["last_token_ms"]),
        _number(row["resident_mb"]),
        f"{row['file_bytes'] / 1e6:.2f}",
      )
      for row in rows
    ),
    told=tuple(answers(rows)),
  )


def answers(rows: Sequence[dict[str, Any]]) -> Iterable[Told]:
  """The paper's claims on time, held against our engine's rows."""
  ours = [row for row in rows if row["runtime"] == OURS]
  times = {(named(row), row["scheme"]): row["rtf"] for row in ours}
  for name in dict.fromkeys(map(named, ours)):
    if {(name, "float"), (name, "integer")} <= times.keys():
      ratio = times[name, "integer"] / times[name, "float"]
      yield _told(
        f"The paper: integer takes about {units.share(PAPER_RATIO)} of float's time (a phone's "
        f"small core; our bound: at most {units.share(PAPER_RATIO + ABOUT)}). Here, {name}: "
        f"{units.share(round(ratio, 3))} (this machine, medians of rounds that took turns)",
        ratio <= PAPER_RATIO + ABOUT,
      )
  slowest = max(ours, key=lambda row: row["rtf"], default=None)
  if slowest is not None:
    yield _told(
      "The paper: such recognizers are fast enough for mobile devices (our bound: real time). "
      f"Here the slowest in our engine, {named(slowest)} in {slowest['scheme']}, takes "
      f"{units.factor(slowest['rtf'])} of the audio's time (this machine; no phone was measured)",
      slowest["rtf"] < 1,
    )


def _told(found: str, holds: bool) -> Told:
  verdict = AGREES if holds else DISAGREES
  return Told(f"{found}: {verdict}.", verdict)


def named(row: dict[str, Any]) -> str:
  """A point by its name; one of the paper's by its preset and sparsity."""
  return row["model"] if row["weights"] == "random" else row["subject"]


def _ratio(value: float | None) -> str:
  return NOTHING if value is None else f"{value:.3f}"


def _number(value: float | None) -> str:
  return NOTHING if value is None else f"{value:.1f}"
