"""The paper's layer in our engine and in others': time of a step as a ratio to LiteRT's float op.

    pip install -e .[test]
    python -m experiments.benchmarks.device [--json] [--rounds=25] [--cells=lstm,cifg]
    python -m experiments.benchmarks.device --parts=layer

After the layer come whole recognizers, which are a program of their own: recognizer.py.

One thread, one process, all runtimes in turn. hot: the step is repeated and the last one counts, so
8-bit weights stay in the last cache; cold: 96 MB were read in between, which is what the other
layers of a model do. Medians of CPU time. The bound is the time to read as many bytes as the
layer's weights have, hot and cold, as measured here in the same rounds; "of bound" is bound / time.

Before anything is timed, every runtime runs 40 frames from its initial state. SQNR compares its
output with that of the NumPy engine in float32; what is far off ends the program.

The layer takes about 3 minutes, half of it compiling and drawing. Results: BUILD_NOTES.md.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from experiments.benchmarks.device_layer import Problem, draw
from experiments.benchmarks.device_runtime import Runtime
from experiments.benchmarks.recognizer_worker import BETWEEN_BYTES, ENVIRONMENT

PARTS = ("layer", "recognizer")
AGAIN = 3
LEAST_SQNR = {"float": 80.0, "hybrid": 18.0, "integer": 18.0}
SPARSITIES = (0.5, 0.8, 0.9)
BLOCKS = ((8, 1), (1, 8), (16, 1))


def runtimes(cell: str) -> Iterator[Runtime]:
  """Everything that is compared, the first being what the others are ratios of."""
  from experiments.benchmarks import (
    device_host,
    device_litert,
    device_litert_plain,
    device_native,
    device_onnx,
  )

  dense = Problem(cell)
  yield device_litert.runtime(dense, "float")
  yield device_litert.runtime(dense, "hybrid")
  yield device_litert.runtime(dense, "integer")
  yield device_litert_plain.runtime(dense)
  for sparsity in SPARSITIES:
    yield device_litert_plain.runtime(Problem(cell, sparsity, (16, 1)))
  yield device_onnx.runtime(dense, "float")
  yield device_onnx.runtime(dense, "hybrid")
  for scheme in ("float", "hybrid", "integer"):
    yield device_native.runtime(dense, scheme)
  for sparsity in SPARSITIES:
    for block in BLOCKS:
      yield device_native.runtime(Problem(cell, sparsity, block), "integer")
  if device_native.fastest() == "avx512-vnni":  # what processors without it do
    for sparsity in (0.0, *SPARSITIES):
      yield device_native.runtime(Problem(cell, sparsity), "integer", "avx2")
  yield device_native.runtime(Problem(cell, 0.8), "hybrid")
  yield device_native.runtime(Problem(cell, 0.8), "float")
  yield device_host.in_jax(dense)
  yield device_host.reference(dense, "float")
  yield device_host.reference(dense, "integer")


def sqnr(runtime: Runtime) -> float:
  """Signal over error, in dB, of the outputs for the problem's frames."""
  from experiments.benchmarks.device_host import reference

  exact, frames = reference(runtime.problem, "float").stepper, draw(runtime.problem).frames
  signal = error = 0.0
  for frame in frames:
    for stepper in (exact, runtime.stepper):
      stepper.feed(frame)
      stepper.run()
    signal += float(np.square(exact.output(), dtype=np.float64).sum())
    error += float(np.square(exact.output() - runtime.stepper.output(), dtype=np.float64).sum())
  decibels = 10 * np.log10(signal / max(error, 1e-30))
  if decibels < LEAST_SQNR[runtime.scheme]:
    raise RuntimeError(f"{runtime.name} {runtime.scheme} {runtime.problem} is off: {decibels} dB")
  return float(decibels)


def measure(steps: list[Callable[[], None]], rounds: int) -> list[tuple[float, float]]:
  """Median ms of each step, hot and cold."""
  between = np.ones(BETWEEN_BYTES, np.uint8)
  times: list[tuple[list[float], list[float]]] = [([], []) for _ in steps]
  for _ in range(rounds):
    for step, (hot, cold) in zip(steps, times, strict=True):
      for _ in range(AGAIN):
        last = _milliseconds(step)
      hot.append(last)
      between.max()
      cold.append(_milliseconds(step))
  return [(statistics.median(hot), statistics.median(cold)) for hot, cold in times]


def _milliseconds(step: Callable[[], None]) -> float:
  # CPU time, all threads together: neighbours on the machine don't count, nor do threads help.
  begin = time.process_time()
  step()
  return 1e3 * (time.process_time() - begin)


def rows(cell: str, rounds: int) -> list[dict[str, Any]]:
  """Measurements of all runtimes with one kind of cell."""
  from experiments.benchmarks.device_native import reader

  compared = list(runtimes(cell))
  quality = [sqnr(runtime) for runtime in compared]
  bounds = [reader(runtime.weight_bytes) for runtime in compared]
  measured = measure([runtime.stepper.run for runtime in compared] + bounds, rounds)
  times, read = measured[: len(compared)], measured[len(compared) :]
  return [
    {
      "runtime": runtime.name,
      "cell": cell,
      "scheme": runtime.scheme,
      "sparsity": runtime.problem.sparsity,
      "block": list(runtime.problem.block) if runtime.problem.sparsity else None,
      "ratio_hot": hot / times[0][0],
      "ratio_cold": cold / times[0][1],
      "ms": hot,
      "ms_cold": cold,
      "bytes": runtime.weight_bytes,
      "bound_ms": bound[0],
      "bound_ms_cold": bound[1],
      "sqnr_db": decibels,
    }
    for runtime, decibels, (hot, cold), bound in zip(compared, quality, times, read, strict=True)
  ]


def show(found: list[dict[str, Any]]) -> None:
  from rich.console import Console
  from rich.table import Table

  table = Table(title="A step of the paper's layer, x LiteRT's fused float operator")
  for name in ("runtime", "cell", "scheme", "sparsity", "block"):
    table.add_column(name)
  for name in ("hot", "cold", "ms", "cold", "MB", "of bound", "cold", "SQNR dB"):
    table.add_column(name, justify="right")
  for row in found:
    block = "" if row["block"] is None else "x".join(map(str, row["block"]))
    table.add_row(
      *(row["runtime"], row["cell"], row["scheme"]),
      *(f"{row['sparsity']:.0%}" if block else "", block),
      *(f"{row[name]:.3f}" for name in ("ratio_hot", "ratio_cold", "ms", "ms_cold")),
      f"{row['bytes'] / 1e6:.1f}",
      f"{row['bound_ms'] / row['ms']:.0%}",
      f"{row['bound_ms_cold'] / row['ms_cold']:.0%}",
      f"{row['sqnr_db']:.1f}",
    )
  Console(width=150).print(table)


def main(arguments: list[str] | None = None) -> None:
  parser = argparse.ArgumentParser(prog="python -m experiments.benchmarks.device")
  parser.add_argument("--json", action="store_true", help="rows as JSON to stdout")
  parser.add_argument("--rounds", type=int, default=25, help="of the layer")
  parser.add_argument("--cells", default="lstm,cifg", help="kinds of cells, by commas")
  parser.add_argument("--parts", default=",".join(PARTS), help="what to measure (%(default)s)")
  options = parser.parse_args(arguments)
  parts = options.parts.split(",")
  if set(parts) - set(PARTS):
    parser.error(f"--parts={options.parts}: the parts are {', '.join(PARTS)}")
  if not ENVIRONMENT.items() <= os.environ.items():
    command = [sys.executable, "-m", "experiments.benchmarks.device", *(arguments or sys.argv[1:])]
    sys.exit(subprocess.run(command, env=os.environ | ENVIRONMENT).returncode)
  cells = options.cells.split(",") if "layer" in parts else []
  found = [row for cell in cells for row in rows(cell, options.rounds)]
  if found and not options.json:
    show(found)
  code = 0
  if "recognizer" in parts:
    command = [sys.executable, "-m", "experiments.benchmarks.recognizer"]
    if options.json:
      done = subprocess.run([*command, "--json"], stdout=subprocess.PIPE, text=True)
      found += json.loads(done.stdout or "[]")
    else:
      done = subprocess.run(command)
    code = done.returncode
  if options.json:
    json.dump(found, sys.stdout, indent=1)
    print()
  sys.exit(code)


if __name__ == "__main__":
  main()
