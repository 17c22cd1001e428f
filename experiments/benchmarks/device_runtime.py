"""What the benchmark of runtimes asks of each of them."""

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from experiments.benchmarks.device_layer import Problem


@runtime_checkable
class Stepper(Protocol):
  """A layer that holds its state; only `run` is timed."""

  def feed(self, x: np.ndarray) -> None:
    """The next frame, float [D], in whatever numbers the layer computes with."""
    ...

  def run(self) -> None: ...

  def output(self) -> np.ndarray:
    """What the last `run` gave, as float [P]."""
    ...


class Runtime(NamedTuple):
  """A layer in a runtime."""

  name: str
  scheme: str
  problem: Problem
  weight_bytes: int
  stepper: Stepper
