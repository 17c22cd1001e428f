"""The streaming step that training evaluates with, compiled, behind our front end."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.decode import stream
from edge_rnnt.device.container import read
from edge_rnnt.device.search import Token
from edge_rnnt.export import layout
from edge_rnnt.model.config import RNNTConfig
from edge_rnnt.model.rnnt import RNNT
from edge_rnnt.trees import nest
from experiments.benchmarks.recognizer_worker import MAX_SYMBOLS


class JaxModel:
  """A float device file in JAX, encoded frame by encoded frame."""

  def __init__(self, path: Path) -> None:
    file = read(path)
    names = layout.expected(file.architecture, "float")
    self._params = nest({name: jnp.asarray(file.tensor(name)) for name in names})
    self._model = RNNT(RNNTConfig.from_json(file.architecture.to_json()))
    self._front_end = file.front_end

  def stream(self) -> "JaxStream":
    heard = stream.Stream(self._model, self._params, max_symbols=MAX_SYMBOLS)
    return JaxStream(heard, self._front_end)


class JaxStream:
  """One utterance."""

  def __init__(self, heard: stream.Stream, front_end: FrontEnd) -> None:
    self._heard, self._front_end = heard, front_end.stream()
    self.tokens: list[Token] = []

  def accept(self, samples: np.ndarray) -> None:
    self._add(self._heard.accept(self._front_end.accept(samples)))

  def finish(self) -> None:
    self._add(self._heard.accept(self._front_end.finish()))
    self._add(self._heard.finish())

  def _add(self, tokens: list[stream.Token]) -> None:
    self.tokens += [Token(token.token, token.frame) for token in tokens]
