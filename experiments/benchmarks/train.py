"""Our train step beside the same network in PyTorch: time of an update, share of the peak.

    pip install -e .[peers]
    python -m experiments.benchmarks.train [--json] [--rounds=9] [--threads=2] [--only=small,paper]

Same weights, batch, loss (full transducer), optimizer (AdamW on matrices' decay, clip 1) and number
of learned parameters, float32, the same processors. Each lives in a process of its own and they are
asked in turn. Before anything is timed, both make three updates: losses and gradient norms must
agree (TOLERANCE), or the program ends. ms is the median over the rounds of an update by the wall
clock, cpu ms of all its threads together; the ratio is ours / PyTorch's. GFLOP is what the maths of
an update needs (train_problem.py); the peak, the fastest large float32 product of either library,
measured in the same rounds.
"""

import json
import os
import pathlib
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from absl import app, flags

from experiments.benchmarks.only import problems_asked
from experiments.benchmarks.train_problem import PROBLEMS, TrainProblem, draw, step_flops
from experiments.benchmarks.train_settings import MATMUL_FLOPS
from experiments.benchmarks.train_worker import IMPLEMENTATIONS
from experiments.benchmarks.worker import Worker, ask_in_turn

TOLERANCE = 2e-4
"""Relative difference of the first losses and gradient norms."""

# Tests import this beside other programs, whose flags have the same names.
_FLAGS = flags.FLAGS if __name__ == "__main__" else flags.FlagValues()
_JSON = flags.DEFINE_bool("json", False, "Print rows as JSON to stdout instead of a table.", _FLAGS)
_ROUNDS = flags.DEFINE_integer(
  "rounds", 9, "Timed updates of each.", lower_bound=1, flag_values=_FLAGS
)
_THREADS = flags.DEFINE_integer(
  "threads",
  len(os.sched_getaffinity(0)),
  "Processors that each may use.",
  lower_bound=1,
  flag_values=_FLAGS,
)
_ONLY = flags.DEFINE_list(
  "only", [], "Names of problems; all if empty: " + ", ".join(PROBLEMS), flag_values=_FLAGS
)

Answers = Mapping[str, Sequence[Mapping[str, Any]]]


def measure(name: str, rounds: int, threads: int) -> list[dict[str, Any]]:
  """The rows of a problem."""
  with tempfile.TemporaryDirectory() as scratch:
    path = pathlib.Path(scratch) / "problem.npz"
    np.savez(path, **draw(PROBLEMS[name]))
    module = "experiments.benchmarks.train_worker"
    workers = [Worker(module, impl, name, str(path), str(threads)) for impl in IMPLEMENTATIONS]
    try:
      answers = ask_in_turn(workers, ["first", *["time"] * rounds])
    finally:
      for worker in workers:
        worker.close()
  return rows(name, PROBLEMS[name], threads, answers)


def rows(name: str, problem: TrainProblem, threads: int, answers: Answers) -> list[dict[str, Any]]:
  """One an implementation. Raises RuntimeError if they didn't compute the same."""
  check([(impl, of_one[0]) for impl, of_one in answers.items()])
  timed = {impl: of_one[1:] for impl, of_one in answers.items()}
  fastest = min(each["matmul_s"] for of_one in timed.values() for each in of_one)
  peak, flops = MATMUL_FLOPS / fastest, step_flops(problem)
  medians = {
    impl: {key: statistics.median(each[key] for each in of_one) for key in ("ms", "cpu_ms")}
    for impl, of_one in timed.items()
  }
  theirs = medians.get("torch")
  return [
    {
      "problem": name,
      "impl": impl,
      "threads": threads,
      "utterances": problem.utterances,
      "frames": problem.frames,
      "labels": problem.labels,
      "parameters": answers[impl][0]["parameters"],
      "gflop": flops / 1e9,
      **median,
      "steps_per_second": 1e3 / median["ms"],
      "ratio": theirs and median["ms"] / theirs["ms"],
      "cpu_ratio": theirs and median["cpu_ms"] / theirs["cpu_ms"],
      "peak_gflops": peak / 1e9,
      "share_of_peak": flops / (median["ms"] / 1e3) / peak,
    }
    for impl, median in medians.items()
  ]


def check(first: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
  """Raises RuntimeError unless parameters are as many, losses and gradient norms the same."""
  (known, ours), *others = first
  for impl, theirs in others:
    close = all(
      np.allclose(theirs[key], ours[key], rtol=TOLERANCE, atol=0)
      for key in ("losses", "grad_norms")
    )
    if not close or theirs["parameters"] != ours["parameters"]:
      raise RuntimeError(f"{impl} computes something else: {theirs}, {known} {ours}")


def table(found: Sequence[Mapping[str, Any]]) -> str:
  """Rows for reading."""
  head = f"{'problem':14}{'':11}{'threads':>8}{'ms':>10}{'cpu ms':>10}{'ratio':>8}{'by cpu':>8}"
  lines = [f"{head}{'GFLOP':>9}{'of peak':>9}"]
  for row in found:
    ratios = "".join(f"{row[key] or float('nan'):8.2f}" for key in ("ratio", "cpu_ratio"))
    lines.append(
      f"{row['problem']:14}{row['impl']:11}{row['threads']:8}{row['ms']:10.1f}{row['cpu_ms']:10.1f}"
      f"{ratios}{row['gflop']:9.2f}{row['share_of_peak']:9.1%}"
    )
  return "\n".join(lines)


def main(argv: list[str]) -> None:
  del argv
  names = problems_asked(_ONLY.value, PROBLEMS)
  found = []
  for name in names:
    measured = measure(name, _ROUNDS.value, _THREADS.value)
    print(table(measured), file=sys.stderr if _JSON.value else sys.stdout, flush=True)
    found += measured
  if _JSON.value:
    json.dump(found, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
  app.run(main)
