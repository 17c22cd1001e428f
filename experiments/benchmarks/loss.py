"""The transducer loss beside its peers: time of loss and gradient, memory, and error of the gradient.

    pip install -e .[peers]
    python -m experiments.benchmarks.loss [--json] [--rounds=7] [--only=logits-0,joint-1]

Every implementation lives in a process of its own and all are asked in turn, one at a time, so that
a change of the machine's load meets them all. The time is the median of the rounds. The memory is
the growth of the process's peak (VmHWM) during one call, its result included; allocators reuse what
they have, so growth below 32 MB is approximate. The error is the largest difference of any entry of
the gradient from float64. GLIBC_TUNABLES and the like, if set, are inherited by all alike.

About 10 minutes for everything on 2 cores. Results: BUILD_NOTES.md.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np
from absl import app, flags

from experiments.benchmarks import loss_peers
from experiments.benchmarks.loss_problem import PROBLEMS, LossProblem, draw, true_gradient

_JSON = flags.DEFINE_bool("json", False, "Print rows as JSON to stdout instead of a table.")
_ROUNDS = flags.DEFINE_integer("rounds", 7, "Timed calls of each implementation.", lower_bound=1)
_ONLY = flags.DEFINE_list("only", [], "Names of problems; all if empty: " + ", ".join(PROBLEMS))


class Worker:
  """An implementation, ready to be asked, in its own process."""

  def __init__(self, impl: str, name: str, folder: pathlib.Path):
    command = [sys.executable, "-m", "experiments.benchmarks.loss_worker", impl, name, str(folder)]
    self.impl = impl
    self.process = subprocess.Popen(
      command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )

  def ask(self, question: str) -> dict[str, Any]:
    self.process.stdin.write(question + "\n")
    self.process.stdin.flush()
    answer = self.process.stdout.readline()
    if not answer:
      last_words = self.process.stderr.read().strip().splitlines()[-1:]
      raise RuntimeError(f"{self.impl} ended: {' '.join(last_words)}")
    return json.loads(answer)

  def close(self) -> None:
    self.process.kill()
    self.process.communicate()


def bandwidth_bound_ms(problem: LossProblem) -> float:
  """The time to read the logits twice and to write them once, by what a copy achieves here."""
  source = np.ones(2**26, np.float32)
  target = np.empty_like(source)
  seconds = []
  for _ in range(5):
    start = loss_peers.now()
    np.copyto(target, source)
    seconds.append(loss_peers.now() - start)
  per_byte = min(seconds) / (2 * source.nbytes)
  return 1e3 * 3 * 4 * float(np.prod(problem.shape[:4])) * per_byte


def measure(name: str, rounds: int) -> list[dict[str, Any]]:
  problem = PROBLEMS[name]
  rows = []
  with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    truth = true_gradient(problem, draw(problem))
    np.savez(folder / "truth.npz", **truth)
    del truth
    workers = [Worker(impl, name, folder) for impl in loss_peers.installed(problem.kind)]
    try:
      first = {w.impl: w.ask("first") for w in workers}
      times = {w.impl: [] for w in workers}
      for _ in range(rounds):
        for worker in workers:
          times[worker.impl].append(worker.ask("time")["ms"])
      for worker in workers:
        rows.append(
          {
            "problem": problem.kind,
            "shape": list(problem.shape),
            "ragged": problem.ragged,
            "impl": worker.impl,
            "ms": round(statistics.median(times[worker.impl]), 3),
            "extra_mb": round(worker.ask("memory")["mb"], 1),
            "max_abs_err_grad": worker.ask("error")["error"],
            "first_call_s": round(first[worker.impl]["s"], 2),
          }
        )
    finally:
      for worker in workers:
        worker.close()
  return rows


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
  names = _ONLY.value or list(PROBLEMS)
  unknown = sorted(set(names) - set(PROBLEMS))
  if unknown:
    raise app.UsageError(f"--only names {unknown}; known are {', '.join(PROBLEMS)}")
  for impl, reason in loss_peers.missing().items():
    print(f"missing: {impl} ({reason})", file=sys.stderr)
  rows = []
  for name in names:
    rows += measure(name, _ROUNDS.value)
    print(table(name, rows[-len(loss_peers.installed(PROBLEMS[name].kind)) :]), file=sys.stderr)
  if _JSON.value:
    json.dump(rows, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
  app.run(main)
