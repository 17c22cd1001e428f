r"""Whole recognizers in our engine and in others': speed, delays, memory and bytes, side by side.

  python -m experiments.benchmarks.recognizer [--json] [--rounds=3]
  python -m experiments.benchmarks.recognizer --models=small,small:0.8           (quick)
  python -m experiments.benchmarks.recognizer --trained RUN_DIR_OR_MODEL.edge ... [--audio WAV ...]

--models are presets with random weights, PRESET[:SPARSITY[:SPARSITY OF THE PREDICTION NETWORK]], in
8x1 blocks; their output layer is fitted to a drawn text (recognizer_said.py), so that they emit 3.5
word-pieces a second, the same in every runtime. Of a preset seen before with other zeros only what
makes use of zeros is measured again, and the base of the ratios; --all measures all.

One stream, one thread, CPU time, audio in pieces of 0.1 s. Every runtime has a process of its own,
and all processes of a model take turns: medians of the rounds. hot: piece after piece; cold: 96 MB
are read in between. Ratios are to LiteRT's float model of the same sizes.

  rtf           processing time / audio time; the work on the front end's tail counts as well, which
                is a sixth of it where utterances are random ones of 1.2 s
  ms            per encoded frame (60 ms of audio in the presets)
  first, last   delays as if audio came in real time (recognizer_delay.py), ms
  resident_mb   peak of the process beyond Python, NumPy and our front end, mapped files included
  bytes         weights to be read in a second of audio (recognizer_bound.py)
  bound_rtf     the time it takes to read them, in the same rounds; "of bound" is bound / time
  other_tokens  share of the tokens that differ from our engine's

A runtime whose tokens differ is refused: named, not shown, and the exit code is 1. Only hybrid ones
may differ in a tenth of them: LiteRT quantizes activations with a zero point.

10 minutes and 6 GiB of memory for the paper's models. Results: BUILD_NOTES.md.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

MODELS = "paper_lstm,paper_lstm:0.5,paper_lstm:0.8,paper_edge:0.5:0.3"

# All processes import this module: what only one needs is imported where it is needed.


def measure(options: argparse.Namespace) -> Iterator[Any]:
  """Rows of one model after the other (recognizer_rows.Measured)."""
  from experiments.benchmarks import recognizer_models, recognizer_rows, recognizer_subject
  from experiments.benchmarks.recognizer_worker import apart

  if options.trained:
    for subject in recognizer_subject.trained(options.trained, options.audio):
      yield recognizer_rows.measure(subject, options.rounds)
    return
  seen: set[str] = set()
  for name in options.models.split(","):
    sizes = name.partition(":")[0]
    with tempfile.TemporaryDirectory(prefix="recognizer-benchmark-") as folder:
      subject = apart(recognizer_models.draw, name, Path(folder))
      only_sparse = sizes in seen and not options.all
      yield recognizer_rows.measure(subject, options.rounds, only_sparse=only_sparse)
    seen.add(sizes)


def show(found: Sequence[dict[str, Any]]) -> None:
  from rich.console import Console
  from rich.table import Table

  table = Table(title="Whole recognizers, one thread", caption=_bandwidth(found))
  for name in ("model", "runtime", "scheme"):
    table.add_column(name)
  heads = ("RTF", "x LiteRT float", "cold", "first token ms", "last token ms")
  for name in (*heads, "resident MB", "file MB", "of bound"):
    table.add_column(name, justify="right")
  before = None
  for row in found:
    if before and before != row["model"]:
      table.add_section()
    before = row["model"]
    ratios = (row["ratio_hot"], row["ratio_cold"])
    table.add_row(
      *(row["model"], row["runtime"], row["scheme"], f"{row['rtf']:.4f}"),
      *("" if ratio is None else f"{ratio:.3f}" for ratio in ratios),
      *("" if row[key] is None else f"{row[key]:.1f}" for key in DELAYS),
      f"{row['resident_mb']:.0f}",
      f"{row['file_bytes'] / 1e6:.1f}",
      f"{row['bound_rtf'] / row['rtf']:.0%}",
    )
  Console(width=150).print(table)


DELAYS = ("first_token_ms", "last_token_ms")


def _bandwidth(found: Sequence[dict[str, Any]]) -> str:
  """Where the weights are too many for any cache: bytes over the time to read them."""
  largest = max(found, key=lambda row: row["bytes"])
  speed = largest["bytes"] / largest["bound_rtf"] / 1e9
  return f"Reading the weights of {largest['model']}, {largest['scheme']}: {speed:.1f} GB/s. " + (
    "Random weights." if largest["weights"] == "random" else ""
  )


def main(arguments: Sequence[str] | None = None) -> int:
  """Returns the exit code: 1 if a runtime was refused, 2 for models that there are none of."""
  parser = argparse.ArgumentParser(prog="python -m experiments.benchmarks.recognizer")
  parser.add_argument("--json", action="store_true", help="rows as JSON to stdout")
  parser.add_argument("--rounds", type=int, default=3)
  parser.add_argument("--models", default=MODELS, help="random ones (%(default)s)")
  parser.add_argument("--all", action="store_true", help="every runtime for every model")
  parser.add_argument("--trained", nargs="+", type=Path, default=(), metavar="RUN_OR_EDGE")
  parser.add_argument(
    "--audio", nargs="+", default=(), help="for --trained; else the run's samples"
  )
  options = parser.parse_args(arguments)
  from experiments.benchmarks.recognizer_worker import ENVIRONMENT

  os.environ.update(ENVIRONMENT)  # for the processes to come
  signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that they end, too
  found, refused = [], []
  try:
    for measured in measure(options):
      found += measured.rows
      refused += measured.refused
  except ValueError as error:
    print(error, file=sys.stderr)
    return 2
  if options.json:
    json.dump(found, sys.stdout, indent=1)
    print()
  else:
    show(found)
  return 1 if refused else 0


if __name__ == "__main__":
  sys.exit(main())
