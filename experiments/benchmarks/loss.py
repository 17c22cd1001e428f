"""The transducer loss beside its peers: time, memory and error of loss and gradient.

    pip install -e .[peers]
    python -m experiments.benchmarks.loss [--json] [--rounds=7] [--only=logits-0,joint-1]

Every implementation lives in a process of its own and all are asked in turn, one at a time, so that
a change of the machine's load meets them all. The time is the median of the rounds. The memory is
the growth of the process's peak (VmHWM) during one call, its result included, after free memory has
been given back to the system. The error is the largest difference of any entry of
the gradient from float64. GLIBC_TUNABLES and the like, if set, are inherited by all alike.

About 10 minutes for everything on 2 cores. Results: BUILD_NOTES.md.
"""

import json
import pathlib
import statistics
import sys
import tempfile
from typing import Any

import numpy as np
from absl import app, flags

from experiments.benchmarks import loss_peers
from experiments.benchmarks.loss_implementation import now
from experiments.benchmarks.loss_problem import PROBLEMS, LossProblem, draw, true_gradient
from experiments.benchmarks.only import problems_asked
from experiments.benchmarks.worker import Worker, ask_in_turn

_JSON = flags.DEFINE_bool("json", False, "Print rows as JSON to stdout instead of a table.")
_ROUNDS = flags.DEFINE_integer("rounds", 7, "Timed calls of each implementation.", lower_bound=1)
_ONLY = flags.DEFINE_list("only", [], "Names of problems; all if empty: " + ", ".join(PROBLEMS))


def bandwidth_bound_ms(problem: LossProblem) -> float:
  """The time to read the logits twice and to write them once, by what a copy achieves here."""
  source = np.ones(2**26, np.float32)
  target = np.empty_like(source)
  seconds = []
  for _ in range(5):
    start = now()
    np.copyto(target, source)
    seconds.append(now() - start)
  per_byte = min(seconds) / (2 * source.nbytes)
  return 1e3 * 3 * 4 * float(np.prod(problem.shape[:4])) * per_byte


def measure(name: str, rounds: int) -> list[dict[str, Any]]:
  problem = PROBLEMS[name]
  with tempfile.TemporaryDirectory() as scratch:
    folder = pathlib.Path(scratch)
    np.savez(folder / "truth.npz", **true_gradient(problem, draw(problem)))
    workers = [
      Worker("experiments.benchmarks.loss_worker", impl, name, scratch)
      for impl in loss_peers.installed(problem.kind)
    ]
    try:
      answers = ask_in_turn(workers, ["first", *["time"] * rounds, "memory", "error"])
    finally:
      for worker in workers:
        worker.close()
  about = {"problem": problem.kind, "shape": list(problem.shape), "ragged": problem.ragged}
  return [about | {"impl": impl} | summary(of_one) for impl, of_one in answers.items()]


def summary(answers: list[dict[str, Any]]) -> dict[str, Any]:
  first, *timed, memory, error = answers
  return {
    "ms": round(statistics.median(answer["ms"] for answer in timed), 3),
    "extra_mb": round(memory["mb"], 1),
    "max_abs_err_grad": error["error"],
    "first_call_s": round(first["s"], 2),
  }


def table(name: str, rows: list[dict[str, Any]]) -> str:
  problem = PROBLEMS[name]
  lines = [
    f"\n{name}: {problem.kind} {problem.shape} {'ragged' if problem.ragged else 'full'}; "
    f"bandwidth bound of the logits {bandwidth_bound_ms(problem):.1f} ms",
    f"{'implementation':24}{'ms':>10}{'extra MB':>10}{'max error':>12}{'first call s':>14}",
  ]
  for row in sorted(rows, key=lambda row: row["ms"]):
    error = "-" if row["max_abs_err_grad"] is None else f"{row['max_abs_err_grad']:.1e}"
    lines.append(
      f"{row['impl']:24}{row['ms']:10.2f}{row['extra_mb']:10.1f}{error:>12}{row['first_call_s']:14.2f}"
    )
  return "\n".join(lines)


def main(argv: list[str]) -> None:
  del argv
  names = problems_asked(_ONLY.value, PROBLEMS)
  for impl, reason in loss_peers.missing().items():
    print(f"missing: {impl} ({reason})", file=sys.stderr)
  rows = []
  for name in names:
    measured = measure(name, _ROUNDS.value)
    print(table(name, measured), file=sys.stderr if _JSON.value else sys.stdout, flush=True)
    rows += measured
  if _JSON.value:
    json.dump(rows, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
  app.run(main)
