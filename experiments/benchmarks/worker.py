"""Processes that take turns: one implementation of a benchmark in each, asked a line at a time."""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any


class Worker:
  """An implementation, ready to be asked, in its own process: `python -m module impl arguments`."""

  def __init__(self, module: str, impl: str, *arguments: str):
    self.impl = impl
    self.process = subprocess.Popen(
      [sys.executable, "-m", module, impl, *arguments],
      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip

  def ask(self, question: str) -> dict[str, Any]:
    """The answer. Raises RuntimeError with the process's last words if it has ended."""
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


def ask_in_turn(
  workers: Sequence[Worker], questions: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
  """The answers of those that last to the end; who does not is named."""
  answers: dict[str, list[dict[str, Any]]] = {worker.impl: [] for worker in workers}
  for question in questions:
    for worker in workers:
      try:
        if worker.impl in answers:
          answers[worker.impl].append(worker.ask(question))
      except RuntimeError as error:
        print(f"failed: {error}", file=sys.stderr)
        del answers[worker.impl]
  return answers
