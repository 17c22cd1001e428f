"""Writes LiteRT models (.tflite) by hand, from the schema that LiteRT's own package brings.

A `Model` collects weights and operator codes; each of its `Graph`s is one signature. Nothing here
knows of speech. Needs the package ai-edge-litert; no TensorFlow.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

TYPES = {"float32": "FLOAT32", "int8": "INT8", "int16": "INT16", "int32": "INT32"}


class LiteRTMissing(RuntimeError):
  """The package with LiteRT's schema is not installed."""


def schema() -> Any:
  """LiteRT's schema as Python classes; raises LiteRTMissing."""
  try:
    from ai_edge_litert import schema_py_generated
  except ImportError as error:
    raise LiteRTMissing(
      "writing LiteRT models needs the package ai-edge-litert: pip install ai-edge-litert"
    ) from error
  return schema_py_generated


@dataclasses.dataclass(frozen=True)
class Quantization:
  """real = (q - zero_point) * scale."""

  scale: float
  zero_point: int = 0


class Model:
  """A file in the making."""

  def __init__(self, description: str):
    self.schema = schema()
    self._model = self.schema.ModelT()
    self._model.version = 3
    self._model.description = description
    self._model.buffers = [self.schema.BufferT()]  # the first stays empty: "no data"
    self._model.operatorCodes, self._model.subgraphs, self._model.signatureDefs = [], [], []

  def graph(self, name: str) -> "Graph":
    """A new graph, to be finished under the signature `name`."""
    return Graph(self, name)

  def buffer(self, data: np.ndarray) -> int:
    entry = self.schema.BufferT()
    entry.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
    self._model.buffers.append(entry)
    return len(self._model.buffers) - 1

  def operator_code(self, name: str, version: int) -> int:
    builtin = getattr(self.schema.BuiltinOperator, name)
    for index, code in enumerate(self._model.operatorCodes):
      if (code.builtinCode, code.version) == (builtin, version):
        return index
    code = self.schema.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode = builtin, min(builtin, 127)
    code.version = version
    self._model.operatorCodes.append(code)
    return len(self._model.operatorCodes) - 1

  def add(self, subgraph: Any, signature: Any) -> None:
    signature.subgraphIndex = len(self._model.subgraphs)
    self._model.subgraphs.append(subgraph)
    self._model.signatureDefs.append(signature)

  def to_bytes(self) -> bytes:
    import flatbuffers

    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(self._model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


class Graph:
  """Tensors are numbered as they are made; an absent input of an operator is ABSENT."""

  ABSENT = -1

  def __init__(self, model: Model, name: str):
    self._model, self.name, self.schema = model, name, model.schema
    self._graph = model.schema.SubGraphT()
    self._graph.name = name
    self._graph.tensors, self._graph.operators = [], []

  def tensor(
    self,
    name: str,
    shape: Sequence[int],
    dtype: str,
    quantization: Quantization | None = None,
    *,
    variable: bool = False,
  ) -> int:
    """A tensor without data: an activation, or (variable) a state that is kept between calls."""
    entry = self.schema.TensorT()
    entry.name, entry.shape, entry.hasRank = name, [int(size) for size in shape], True
    entry.type = getattr(self.schema.TensorType, TYPES[dtype])
    entry.buffer, entry.isVariable = 0, variable
    if quantization is not None:
      entry.quantization = self.schema.QuantizationParametersT()
      entry.quantization.scale = [float(quantization.scale)]
      entry.quantization.zeroPoint = [int(quantization.zero_point)]
    self._graph.tensors.append(entry)
    return len(self._graph.tensors) - 1

  def constant(self, name: str, data: np.ndarray, quantization: Quantization | None = None) -> int:
    index = self.tensor(name, data.shape, data.dtype.name, quantization)
    self._graph.tensors[index].buffer = self._model.buffer(data)
    return index

  def operator(
    self,
    name: str,
    inputs: Sequence[int],
    outputs: Sequence[int],
    *,
    version: int = 1,
    options: Any = None,
    intermediates: Sequence[int] = (),
  ) -> None:
    """Appends an operator; `options` is an options object of the schema ("...OptionsT")."""
    entry = self.schema.OperatorT()
    entry.opcodeIndex = self._model.operator_code(name, version)
    entry.inputs, entry.outputs = list(inputs), list(outputs)
    entry.intermediates = list(intermediates)
    if options is not None:
      kind = type(options).__name__.removesuffix("T")
      entry.builtinOptions = options
      entry.builtinOptionsType = getattr(self.schema.BuiltinOptions, kind)
    self._graph.operators.append(entry)

  def finish(self, inputs: Mapping[str, int], outputs: Mapping[str, int]) -> None:
    """Puts the graph into its model; the names are those of the signature's arguments."""
    signature = self.schema.SignatureDefT()
    signature.signatureKey = self.name
    signature.inputs = [self._map(name, index) for name, index in inputs.items()]
    signature.outputs = [self._map(name, index) for name, index in outputs.items()]
    self._graph.inputs, self._graph.outputs = list(inputs.values()), list(outputs.values())
    self._model.add(self._graph, signature)

  def _map(self, name: str, index: int) -> Any:
    entry = self.schema.TensorMapT()
    entry.name, entry.tensorIndex = name, index
    return entry
