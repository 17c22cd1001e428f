"""The layer in NumPy, our reference engine, and in JAX, where it is trained."""

import jax
import numpy as np

from edge_rnnt.cells import cifg, lstm
from edge_rnnt.device import container
from edge_rnnt.device.reference import reference_network
from experiments.benchmarks.device_layer import CELLS, PATH, WIDTH, Problem, draw
from experiments.benchmarks.device_runtime import Runtime

CLASSES = {"lstm": lstm.LSTM, "cifg": cifg.CIFG}


class ReferenceLayer:
  """A step of the NumPy engine."""

  def __init__(self, file: container.Container) -> None:
    encoder = reference_network(file).encoder
    self._enter, self._cell = encoder.enter, encoder.layers[0]
    self._state = self._cell.initial_state(1)
    self._scale, self._zero = file.activations.get(f"{PATH}/output", (1.0, 0))
    self._x = self._y = np.zeros((1, WIDTH), np.float32)

  def feed(self, x: np.ndarray) -> None:
    self._x = self._enter(x[None])

  def run(self) -> None:
    self._state, self._y = self._cell.step(self._state, self._x)

  def output(self) -> np.ndarray:
    return (self._y[0].astype(np.float32) - self._zero) * np.float32(self._scale)


class JaxLayer:
  """The streaming step of the cell that is trained, compiled."""

  def __init__(self, problem: Problem) -> None:
    cell = CLASSES[problem.cell](cells=CELLS, projection=WIDTH)
    self._step = jax.jit(cell.step)
    self._params = jax.device_put(draw(problem).arrays("float"))
    self._state = cell.initial_state(1)
    self._x = self._y = jax.numpy.zeros((1, WIDTH))

  def feed(self, x: np.ndarray) -> None:
    self._x = jax.device_put(x[None])

  def run(self) -> None:
    self._state, self._y = jax.block_until_ready(self._step(self._params, self._state, self._x))

  def output(self) -> np.ndarray:
    return np.asarray(self._y[0])


def reference(problem: Problem, scheme: str) -> Runtime:
  """The layer in NumPy; its weights are written out as floats."""
  layer = draw(problem)
  size = layer.arrays("float")["kernel"].nbytes + layer.arrays("float")["projection"].nbytes
  return Runtime(
    "NumPy", scheme, problem, size, ReferenceLayer(container.read(layer.files[scheme]))
  )


def in_jax(problem: Problem) -> Runtime:
  """The layer in JAX."""
  size = sum(value.nbytes for value in draw(problem).arrays("float").values())
  return Runtime("JAX", "float", problem, size, JaxLayer(problem))
