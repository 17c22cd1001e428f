"""One implementation of the training benchmark in its own process; answers a line at a time."""

import importlib
import json
import os
import pathlib
import sys
import time
from typing import Any

import numpy as np

from experiments.benchmarks.train_problem import PROBLEMS, Arrays, TrainProblem

# A peer's module is imported where it runs.
IMPLEMENTATIONS = {
  "edge_rnnt": ("train_in_jax", "EdgeRnnt"),
  "torch": ("train_in_torch", "Torch"),
}
FIRST_UPDATES = 3


def build(impl: str, problem: TrainProblem, arrays: Arrays) -> Any:
  module, name = IMPLEMENTATIONS[impl]
  module = importlib.import_module(f"experiments.benchmarks.{module}")
  return getattr(module, name)(problem, arrays)


def answer(question: str, implementation: Any) -> dict[str, Any]:
  """first: losses and gradient norms of the first updates. time: of one more, and of a product."""
  if question == "first":
    reported = [implementation.update() for _ in range(FIRST_UPDATES)]
    losses, norms = zip(*reported, strict=True)
    return {"losses": losses, "grad_norms": norms, "parameters": implementation.parameters}
  wall, cpu = time.perf_counter(), time.process_time()
  implementation.update()
  wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
  return {"ms": 1e3 * wall, "cpu_ms": 1e3 * cpu, "matmul_s": implementation.matmul()}


def main() -> None:
  impl, name, path, threads = sys.argv[1:]
  # Both libraries start as many threads as there are processors to run on.
  os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(threads)])
  with np.load(pathlib.Path(path)) as arrays:
    implementation = build(impl, PROBLEMS[name], dict(arrays))
  for line in sys.stdin:
    print(json.dumps(answer(line.strip(), implementation)), flush=True)


if __name__ == "__main__":
  main()
