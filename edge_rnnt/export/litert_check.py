"""Refuses LiteRT models that LiteRT would load, run without a word, and get wrong.

Measured on ai-edge-litert 2.3: each of these gives noise, or reads beyond a buffer, instead of an
error. The checks read the finished model, so they hold for whatever wrote it; `check_file` looks
at one of any origin.

  fused LSTM, integer   a cell scale other than 2^k, k <= -9; intermediates other than five, or
                        without a scale; gates not in Q3.12 where no layer norm follows; a hidden
                        zero point (its sign is turned round there); a state in another format than
                        the output's; a bias in another unit than the kernel takes it for
  fused LSTM            weights with a scale per output; sparse weights
  LSTM                  sparse weights: the recurrent product gets the input's scale
  FULLY_CONNECTED       sparse weights in blocks other than 1x4 (float) or 1x16 (int8), with a scale
                        per output, with a zero point, or beyond 255 blocks a row
  any other             sparse tensors
"""

import math
import os
from pathlib import Path
from typing import Any

import numpy as np

FUSED = "UNIDIRECTIONAL_SEQUENCE_LSTM"
Q3_12 = 2.0**-12
LARGEST_CELL_SCALE = 2.0**-9
BLOCKS = {"FLOAT32": 4, "INT8": 16}
MOST_BLOCKS = 255
"""In a row; counts and positions are bytes."""

WEIGHTS = (*range(1, 9), 16)
GAINS, BIASES = range(20, 24), range(12, 16)


class LiteRTMissing(RuntimeError):
  """The package with LiteRT's schema is not installed."""


def schema() -> Any:
  """LiteRT's schema as Python classes; raises LiteRTMissing."""
  try:
    from ai_edge_litert import schema_py_generated
  except ImportError as error:
    raise LiteRTMissing(
      "LiteRT models need the package ai-edge-litert: pip install ai-edge-litert"
    ) from error
  return schema_py_generated


def check_file(path: str | os.PathLike) -> None:
  """Raises ValueError, naming tensor and reason, for a .tflite file that would run and be wrong."""
  content = Path(path).read_bytes()
  check(schema().ModelT.InitFromObj(schema().Model.GetRootAs(content, 0)))


def check(model: Any) -> None:
  """The same for a model as objects of the schema (ModelT)."""
  names = _names(schema().BuiltinOperator)
  for graph in model.subgraphs:
    for operator in graph.operators:
      name = names[model.operatorCodes[operator.opcodeIndex].builtinCode]
      each = Operator(name, graph.tensors, operator)
      if name == FUSED:
        _check_fused(each)
      elif name == "FULLY_CONNECTED":
        _check_fully_connected(each, model.buffers)
      else:
        each.refuse_sparse(f"{name} has no kernel for them, or a wrong one")


class Operator:
  """An operator and the tensors that it touches."""

  def __init__(self, name: str, tensors: list[Any], operator: Any) -> None:
    self.name, self._tensors, self._operator = name, tensors, operator

  def input(self, position: int) -> Any:
    """The tensor at a position, None if it is absent."""
    inputs = self._operator.inputs
    if position >= len(inputs) or inputs[position] < 0:
      return None
    return self._tensors[inputs[position]]

  @property
  def inputs(self) -> list[Any]:
    return [self._tensors[index] for index in self._operator.inputs if index >= 0]

  @property
  def output(self) -> Any:
    return self._tensors[self._operator.outputs[0]]

  @property
  def intermediates(self) -> list[Any]:
    # None where a file has none: an empty list is not written.
    found = self._operator.intermediates
    return [self._tensors[index] for index in (() if found is None else found)]

  def refuse_sparse(self, reason: str) -> None:
    for tensor in self.inputs:
      if tensor.sparsity is not None:
        raise ValueError(f"{_name(tensor)} is sparse: {reason}")


def _check_fused(operator: Operator) -> None:
  operator.refuse_sparse("LiteRT's fused LSTM takes sparse weights for dense ones")
  for position in WEIGHTS:
    tensor = operator.input(position)
    if tensor is not None and len(_scales(tensor)) > 1:
      raise ValueError(
        f"{_name(tensor)} has {len(_scales(tensor))} scales: LiteRT's fused LSTM takes one per "
        "matrix, and with more its output is noise"
      )
  if _type(operator.input(0)) == "INT8":
    _check_states(operator)
    _check_intermediates(operator)
    _check_biases(operator)


def _check_states(operator: Operator) -> None:
  hidden, cell = operator.input(18), operator.input(19)
  scale = _scale(cell)
  if math.frexp(scale)[0] != 0.5 or scale > LARGEST_CELL_SCALE:
    raise ValueError(
      f"{_name(cell)}: the cell's scale is {scale}, LiteRT needs a power of two of at most 2^-9: "
      "otherwise it runs and its output is noise"
    )
  if _format(hidden) != _format(operator.output):
    raise ValueError(
      f"{_name(hidden)}: the state is in {_format(hidden)}, the output in "
      f"{_format(operator.output)} (scale, zero point); LiteRT takes them for the same"
    )


def _check_intermediates(operator: Operator) -> None:
  found, label = operator.intermediates, _name(operator.output)
  if len(found) != 5:
    raise ValueError(f"{label}: {len(found)} intermediates, LiteRT's integer LSTM needs five")
  for tensor in found:
    if not (len(_scales(tensor)) == 1 and _scale(tensor) > 0):
      raise ValueError(f"{_name(tensor)}: an intermediate without a scale makes the output noise")
  if operator.input(23) is None:
    odd = [_name(tensor) for tensor in found[:4] if _scale(tensor) != Q3_12]
    if odd:
      raise ValueError(f"{odd} are not in Q3.12; without layer norm LiteRT takes them for that")
  scale, zero = _format(found[4])
  if operator.input(16) is not None and zero != 0:
    raise ValueError(
      f"{_name(found[4])}: the hidden zero point is {zero}; LiteRT gives it the opposite sign, so "
      "that only 0 is exact"
    )
  if operator.input(16) is None and (scale, zero) != _format(operator.output):
    raise ValueError(
      f"{_name(found[4])}: without a projection LiteRT writes the output in the hidden format, so "
      f"{(scale, zero)} must be the output's, {_format(operator.output)}"
    )


def _check_biases(operator: Operator) -> None:
  """The kernel reads a bias' numbers and not its scale; the scale tells what they were made for."""
  units = {}
  for gate, position in enumerate(BIASES):
    gain, weights = operator.input(GAINS[gate]), operator.input(1 + gate)
    if operator.input(position) is None or weights is None:
      continue
    read = _scale(operator.input(0)) * _scale(weights)
    units[position] = read if gain is None else _scale(gain) / 1024
  if operator.input(17) is not None:
    units[17] = _scale(operator.input(16)) * _scale(operator.intermediates[4])
  for position, unit in units.items():
    bias = operator.input(position)
    if len(_scales(bias)) != 1 or not math.isclose(_scale(bias), unit, rel_tol=1e-5):
      raise ValueError(
        f"{_name(bias)} is in units of {_scales(bias)}, LiteRT takes its numbers for units of "
        f"{unit} (with layer norm: the gain's scale / 1024)"
      )


def _check_fully_connected(operator: Operator, buffers: list[Any]) -> None:
  weights = operator.input(1)
  if weights is None or weights.sparsity is None:
    return
  name, kind, block = _name(weights), _type(weights), _block(weights.sparsity)
  if kind not in BLOCKS or block != BLOCKS[kind]:
    raise ValueError(
      f"{name}: sparse {kind.lower()} weights in blocks of 1x{block}, LiteRT has kernels for 1x4 "
      "in float32 and 1x16 in int8: it reads others as if they were these"
    )
  if kind == "INT8" and (len(_scales(weights)) != 1 or _format(weights)[1] != 0):
    raise ValueError(
      f"{name}: sparse weights with {len(_scales(weights))} scales or a zero point; LiteRT uses "
      "one scale and no zero point"
    )
  segments = np.asarray(weights.sparsity.dimMetadata[1].arraySegments.values)
  indices = np.asarray(weights.sparsity.dimMetadata[1].arrayIndices.values)
  rows, columns = weights.shape
  if columns % block or columns // block > MOST_BLOCKS + 1 or np.diff(segments).max() > MOST_BLOCKS:
    raise ValueError(
      f"{name}: {columns} columns, up to {np.diff(segments).max()} blocks in a row; LiteRT takes "
      f"multiples of {block} up to {(MOST_BLOCKS + 1) * block}, and {MOST_BLOCKS} blocks a row"
    )
  stored = len(buffers[weights.buffer].data) // (block * (4 if kind == "FLOAT32" else 1))
  whole = len(segments) == rows + 1 and segments[-1] == len(indices) == stored
  if not whole or (len(indices) and not 0 <= indices.min() <= indices.max() < columns // block):
    raise ValueError(f"{name}: its {stored} blocks and the places given for them do not fit")


def _block(sparsity: Any) -> int:
  """The columns of a block; 1 where single entries are kept."""
  dimensions = sparsity.dimMetadata
  return dimensions[2].denseSize if len(dimensions) == 3 else 1


def _scales(tensor: Any) -> list[float]:
  found = None if tensor.quantization is None else tensor.quantization.scale
  return [] if found is None else [float(each) for each in found]


def _scale(tensor: Any) -> float:
  """The first scale; 0 where there is none."""
  return (_scales(tensor) or [0.0])[0]


def _format(tensor: Any) -> tuple[float, int]:
  zero = None if tensor.quantization is None else tensor.quantization.zeroPoint
  # A file holds float32: what is still to be written is rounded alike.
  return float(np.float32(_scale(tensor))), int(zero[0]) if zero is not None and len(zero) else 0


def _name(tensor: Any) -> str:
  return tensor.name.decode() if isinstance(tensor.name, bytes) else tensor.name


def _type(tensor: Any) -> str:
  return _names(schema().TensorType)[tensor.type]


def _names(enumeration: Any) -> dict[int, str]:
  return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}
