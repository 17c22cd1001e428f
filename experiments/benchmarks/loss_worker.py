"""One implementation of the loss benchmark in its own process; answers questions, a line each."""

import ctypes
import json
import pathlib
import sys

import numpy as np

from experiments.benchmarks import loss_peers
from experiments.benchmarks.loss_implementation import Implementation, now
from experiments.benchmarks.loss_problem import PROBLEMS

STATUS = pathlib.Path("/proc/self/status")


def resident_mb(field: str) -> float:
  for line in STATUS.read_text().splitlines():
    if line.startswith(field + ":"):
      return int(line.split()[1]) / 1024
  raise RuntimeError(f"{STATUS} has no {field}: memory is measured on Linux only")


def answer(question: str, implementation: Implementation, folder: pathlib.Path) -> dict:
  implementation.prepare()
  if question == "memory":
    ctypes.CDLL(None).malloc_trim(0)  # else a run would fill the holes that earlier ones left
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
    before = resident_mb("VmRSS")
    implementation.run()
    return {"mb": resident_mb("VmHWM") - before}
  start = now()
  implementation.run()
  seconds = now() - start
  if question == "first":
    return {"s": seconds}
  if question == "time":
    return {"ms": 1e3 * seconds}
  truth = np.load(folder / "truth.npz")
  got = implementation.gradient()
  errors = [float(np.abs(got[k].astype(np.float64) - truth[k]).max()) for k in truth.files]
  return {"error": max(errors) if errors else None}


def main() -> None:
  impl, name, folder = sys.argv[1:]
  implementation = loss_peers.build(impl, PROBLEMS[name])
  for line in sys.stdin:
    print(json.dumps(answer(line.strip(), implementation, pathlib.Path(folder))), flush=True)


if __name__ == "__main__":
  main()
