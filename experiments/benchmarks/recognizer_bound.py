"""What no runtime can be faster than: reading the weights from memory, as often as they are needed.

In the order of the recognizer, and nothing else: for every row of features the layers below the
time reduction, for every encoded frame the layers above it and the joint network, for every token
the prediction network and the output layer again. Where a part is still in a cache since it was
read last, it is so here, too. It is heard like any other stream, so that it has an RTF and delays.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.device.container import Container
from edge_rnnt.device.search import Token
from edge_rnnt.export import layout
from experiments.benchmarks.recognizer_delay import encoded_frames, end_of
from experiments.benchmarks.recognizer_worker import Stream

WORD = 8


class Traffic(NamedTuple):
  """Bytes of weights; the embedding, of which one row is read, counts as none."""

  below: int
  """Of the layers that every row of features passes."""
  above: int
  """Of the others, and the encoder's half of the joint network."""
  output: int
  """Of the output layer."""
  prediction: int
  """Of the prediction network, and its half of the joint network."""
  reduction: int

  def bytes(self, frames: int, tokens: int) -> int:
    """Read for so many encoded frames and tokens."""
    frame = self.reduction * self.below + self.above + self.output
    return frames * frame + tokens * (self.prediction + self.output)


def traffic(file: Container, sparse: bool) -> Traffic:
  """Of a device file as it is stored, or, unless sparse, with all zeros."""
  names = layout.expected(file.architecture, file.scheme, file.weights)
  dense = {name: np.dtype(dtype).itemsize * math.prod(s) for name, (dtype, s) in names.items()}
  stored = {name: tensor.nbytes for name, tensor in file.stored.items()}
  below = {
    layer.path for layer in file.architecture.encoder[: file.architecture.time_reduction_after]
  }
  size: dict[str, int] = defaultdict(int)
  for name, count in (stored if sparse else dense).items():
    size[_part(name.partition(".")[0], below)] += count
  parts = (size[part] for part in ("below", "above", "output", "prediction"))
  return Traffic(*parts, file.architecture.time_reduction)


def _part(tensor: str, below: set[str]) -> str:
  network, _, name = tensor.partition("/")
  if network == "encoder":
    return "below" if "/".join(tensor.split("/")[:2]) in below else "above"
  if network == "joint":
    return {"encoder": "above", "output_kernel": "output", "output_bias": "output"}.get(
      name, "prediction"
    )
  return "prediction" if network == "prediction" and name.startswith("layer_") else "not read"


class Bound:
  """Opens as a runtime does; what is said is known."""

  def __init__(
    self, traffic: Traffic, front_end: FrontEnd, said: Sequence[Sequence[Token]]
  ) -> None:
    self.traffic, self.front_end, self.said = traffic, front_end, said

  def __call__(self, folder: Path) -> Callable[[], Stream]:
    del folder
    below, above, output, prediction, _ = self.traffic
    memory = np.ones((below + above + output + prediction) // WORD, np.uint64)
    utterances = itertools.cycle(self.said)
    return lambda: _Reading(self, memory, next(utterances))


class _Reading:
  """One utterance; what is read together lies together: below, above, output, prediction."""

  def __init__(self, bound: Bound, memory: np.ndarray, said: Sequence[Token]) -> None:
    below, above, output, _, self._reduction = bound.traffic
    self._below = memory[: below // WORD]
    self._encode = memory[: (below + above + output) // WORD]
    self._predict = memory[(below + above) // WORD :]
    self._front_end, self._left = bound.front_end, list(said)
    self._samples = self._frames = 0
    self.tokens: list[Token] = []

  def accept(self, samples: np.ndarray) -> None:
    self._samples += len(samples)
    while end_of(self._frames, self._front_end, self._reduction) <= self._samples:
      self._frame()

  def finish(self) -> None:
    while self._frames < encoded_frames(self._samples, self._front_end, self._reduction):
      self._frame()

  def _frame(self) -> None:
    for _ in range(self._reduction - 1):
      self._below.max()
    self._encode.max()
    while self._left and self._left[0].frame <= self._frames:
      self._predict.max()
      self.tokens.append(self._left.pop(0))
    self._frames += 1
