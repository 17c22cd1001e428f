"""Device file -> network in float32: the float scheme, and the hybrid one with its products."""

import numpy as np
from jaxtyping import Float32

from edge_rnnt.device.container import Container
from edge_rnnt.device.float_cells import FloatCIFG, FloatLSTM, FloatSRU, Weights
from edge_rnnt.device.network import Encoder, Network
from edge_rnnt.device.products import FloatProduct, GroupProduct, HybridProduct, Product
from edge_rnnt.export.architecture import Layer
from edge_rnnt.export.layout import SCALE, groups

CELLS = {"lstm": FloatLSTM, "cifg": FloatCIFG, "sru": FloatSRU}

Rows = Float32[np.ndarray, "B _"]


def float_network(container: Container) -> Network:
  """The network of a file whose scheme is "float" or "hybrid"."""
  architecture = container.architecture
  encoder = Encoder(
    layers=[_cell(container, layer) for layer in architecture.encoder],
    feature_dim=architecture.feature_dim,
    reduction=architecture.time_reduction,
    below=architecture.time_reduction_after,
    enter=lambda features: features,
  )
  embedding = container.tensor("prediction/embedding")
  if container.scheme == "hybrid":
    embedding = embedding * container.tensor("prediction/embedding" + SCALE)
  return Network(
    encoder=encoder,
    prediction=[_cell(container, layer) for layer in architecture.prediction],
    embedding=embedding,
    joint=FloatJoint(container),
  )


class FloatJoint:
  """scores = tanh(encoded W_e + predicted W_p + b) W_o + b_o."""

  def __init__(self, container: Container) -> None:
    self._encoder = _product(container, "joint/encoder")
    self._prediction = _product(container, "joint/prediction")
    self._output = _product(container, "joint/output_kernel")
    self._bias = container.tensor("joint/bias")
    self._output_bias = container.tensor("joint/output_bias")

  def encoded(self, rows: Rows) -> Rows:
    return self._encoder(rows)

  def predicted(self, rows: Rows) -> Rows:
    return self._prediction(rows) + self._bias

  def scores(self, encoded: Rows, predicted: Rows) -> Rows:
    return self._output(np.tanh(encoded + predicted)) + self._output_bias


def _cell(container: Container, layer: Layer) -> FloatLSTM | FloatSRU:
  name, split = layer.path, layer.input_dim
  tensor = container.tensor(f"{name}/kernel")
  if container.scheme == "hybrid":
    scale = container.tensor(f"{name}/kernel{SCALE}")
    group = container.weights.group
    first = groups(split, group) if group else 1
    inputs = _hybrid(container, tensor[:split], scale[:first])
    recurrent = _hybrid(container, tensor[split:], scale[first:]) if layer.recurrent_dim else None
  else:
    inputs: Product = FloatProduct(tensor[:split])
    recurrent = FloatProduct(tensor[split:]) if layer.recurrent_dim else None
  gain = container.tensor(f"{name}/gain") if layer.normalized else None
  return CELLS[layer.cell](
    Weights(
      inputs=inputs,
      recurrent=recurrent,
      projection=None if layer.projection is None else _product(container, f"{name}/projection"),
      bias=container.tensor(f"{name}/bias").reshape(-1, layer.cells),
      gain=None if gain is None else gain.reshape(-1, layer.cells),
      output_dim=layer.output_dim,
    )
  )


def _product(container: Container, name: str) -> Product:
  tensor = container.tensor(name)
  if container.scheme == "hybrid":
    return _hybrid(container, tensor, container.tensor(name + SCALE))
  return FloatProduct(tensor)


def _hybrid(container: Container, tensor: np.ndarray, scale: np.ndarray) -> Product:
  """A product with weights kept as the file says; scale [groups, out] per group, else any."""
  if container.weights.group:
    return GroupProduct(tensor, scale, container.weights.group)
  return HybridProduct(tensor, np.broadcast_to(scale.reshape(-1), tensor.shape[1:]))
