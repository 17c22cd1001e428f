"""What the loss benchmark asks of an implementation, ours or a peer's."""

import time

from experiments.benchmarks.loss_problem import Arrays, LossProblem

now = time.perf_counter


class Implementation:
  """Loss and gradient of one problem. `run` alone is timed."""

  def __init__(self, problem: LossProblem, arrays: Arrays):
    self.problem, self.arrays, self.result = problem, arrays, None

  def prepare(self) -> None:
    """Make fresh whatever a run uses up, and drop the last result."""
    self.result = None

  def run(self) -> None:
    raise NotImplementedError

  def gradient(self) -> Arrays:
    """Of the last run."""
    raise NotImplementedError
