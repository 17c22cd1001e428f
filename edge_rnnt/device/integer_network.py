"""Device file of the integer scheme -> network; from the features' quantization on, no float.

The joint network, in integers:

  e = M_e (sum W_e encoded - zero sum W_e)                            Q3.12, in 32 bits
  p = M_p (sum W_p predicted - zero sum W_p + bias)                   Q3.12, in 32 bits
  t = saturate(rounding_divide(tanh(saturate(e + p, 16)), 8), 8)      Q0.7
  score = sum W_o t + bias                                            in 32 bits

All scores are in one unit, so the largest score is the largest logit.
"""

import numpy as np
from jaxtyping import Float32, Int8, Integer

from edge_rnnt.device.container import Container
from edge_rnnt.device.fixed_functions import look_up, tanh_table
from edge_rnnt.device.fixed_point import Multiplier, multiplier, rounding_divide, saturate
from edge_rnnt.device.integer_cells import (
  Q3_12,
  Format,
  IntegerCIFG,
  IntegerLSTM,
  IntegerProduct,
  LayerTensors,
  zero_bias,
)
from edge_rnnt.device.integer_sru import IntegerSRU
from edge_rnnt.device.network import Encoder, Network
from edge_rnnt.export.architecture import Layer
from edge_rnnt.export.layout import SCALE
from edge_rnnt.quant.affine import Affine, quantize

CELLS = {"lstm": IntegerLSTM, "cifg": IntegerCIFG, "sru": IntegerSRU}

Bytes = Int8[np.ndarray, "B _"]
Sums = Integer[np.ndarray, "B _"]


def integer_network(container: Container) -> Network:
  """The network of a file whose scheme is "integer"."""
  architecture = container.architecture
  features = _format(container, "encoder/layer_0/input")
  embedding = Format(container.tensor("prediction/embedding" + SCALE)[0], 0)
  encoder, encoded = _stack(container, architecture.encoder, features)
  prediction, predicted = _stack(container, architecture.prediction, embedding)
  return Network(
    encoder=Encoder(
      layers=encoder,
      feature_dim=architecture.feature_dim,
      reduction=architecture.time_reduction,
      below=architecture.time_reduction_after,
      enter=Entrance(features),
    ),
    prediction=prediction,
    embedding=container.tensor("prediction/embedding"),
    joint=IntegerJoint(container, encoded, predicted),
  )


class Entrance:
  """Features -> int8: clip(round(x / scale) + zero, -128, 127), the only step on floats."""

  def __init__(self, format: Format) -> None:
    self._affine = Affine(format.scale, format.zero)

  def __call__(self, features: Float32[np.ndarray, "B F"]) -> Bytes:
    return quantize(features, self._affine).astype(np.int8)


class IntegerJoint:
  """The module's equations."""

  def __init__(self, container: Container, encoded: Format, predicted: Format) -> None:
    self._encoder = _joint_product(container, "joint/encoder", encoded, None)
    self._prediction = _joint_product(container, "joint/prediction", predicted, "joint/bias")
    output, bias = container.tensor("joint/output_kernel"), container.tensor("joint/output_bias")
    self._output = IntegerProduct(output, bias.astype(np.int64), Multiplier(0, 0))

  def encoded(self, rows: Bytes) -> Sums:
    return self._encoder(rows)

  def predicted(self, rows: Bytes) -> Sums:
    return self._prediction(rows)

  def scores(self, encoded: Sums, predicted: Sums) -> Sums:
    t = look_up(tanh_table(3), saturate(encoded + predicted, 16))
    return self._output.sums(saturate(rounding_divide(t, 8), 8).astype(np.int8))


def _joint_product(
  container: Container, name: str, read: Format, bias_name: str | None
) -> IntegerProduct:
  weights = container.tensor(name)
  bias = zero_bias(weights, read.zero)
  if bias_name is not None:
    bias = bias + container.tensor(bias_name)
  scale = container.tensor(name + SCALE)[0] * read.scale / np.float32(Q3_12)
  return IntegerProduct(weights, bias, multiplier(scale))


def _stack(
  container: Container, layers: tuple[Layer, ...], below: Format
) -> tuple[list[IntegerLSTM | IntegerSRU], Format]:
  """Cells on top of each other, and the format of the last one's output."""
  cells = []
  for layer in layers:
    tensors = layer_tensors(container, layer, below)
    cells.append(CELLS[layer.cell](tensors))
    below = tensors.output
  return cells, below


def layer_tensors(container: Container, layer: Layer, below: Format) -> LayerTensors:
  """One layer's arrays and formats out of a file."""
  names = ["kernel", "kernel" + SCALE, "bias"]
  if layer.normalized:
    names += ["gain", "gain" + SCALE]
  if layer.projection is not None:
    names += ["projection", "projection" + SCALE]
  output = _format(container, f"{layer.path}/output")
  return LayerTensors(
    layer=layer,
    arrays={name: container.tensor(f"{layer.path}/{name}") for name in names},
    input=below,
    output=output,
    hidden=output if layer.projection is None else _format(container, f"{layer.path}/hidden"),
    gate_scales={
      gate: _format(container, f"{layer.path}/gates/{gate}").scale for gate in layer.gates
    },
    cell_scale=container.activations[f"{layer.path}/cell"][0],
  )


def _format(container: Container, name: str) -> Format:
  scale, zero = container.activations[name]
  return Format(np.float32(scale), zero)
