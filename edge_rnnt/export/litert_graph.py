"""Writes LiteRT models (.tflite) by hand, from the schema that LiteRT's own package brings.

A `Model` collects weights and operator codes; each of its `Graph`s is one signature. Nothing here
knows of speech. Needs the package ai-edge-litert; no TensorFlow.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edge_rnnt.export import litert_check

TYPES = {"float32": "FLOAT32", "int8": "INT8", "int16": "INT16", "int32": "INT32"}


@dataclasses.dataclass(frozen=True)
class Quantization:
  """real = (q - zero_point) * scale; several scales belong to the rows of a matrix."""

  scale: float | Sequence[float]
  zero_point: int = 0

  @property
  def scales(self) -> list[float]:
    found = self.scale if isinstance(self.scale, Sequence) else [self.scale]
    return [float(each) for each in found]


class Model:
  """A file in the making."""

  def __init__(self, description: str):
    self.schema = litert_check.schema()
    self._model = self.schema.ModelT()
    self._model.version = 3
    self._model.description = description
    self._model.buffers = [self.schema.BufferT()]  # the first stays empty: "no data"
    self._model.operatorCodes, self._model.subgraphs, self._model.signatureDefs = [], [], []
    self._model.metadata = []

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

  def metadata(self, name: str, content: bytes) -> None:
    """Anything else that is to travel in the file; LiteRT doesn't look at it."""
    entry = self.schema.MetadataT()
    entry.name, entry.buffer = name, self.buffer(np.frombuffer(content, np.uint8))
    self._model.metadata.append(entry)

  def to_bytes(self) -> bytes:
    """The file. Raises ValueError for what LiteRT would run and get wrong (litert_check.py)."""
    import flatbuffers

    litert_check.check(self._model)
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
    self._constants: dict[str, int] = {}

  def shape(self, tensor: int) -> list[int]:
    return self._graph.tensors[tensor].shape

  def scale(self, tensor: int) -> float:
    return self._graph.tensors[tensor].quantization.scale[0]

  def zero_point(self, tensor: int) -> int:
    return self._graph.tensors[tensor].quantization.zeroPoint[0]

  def like(self, tensor: int, name: str, shape: Sequence[int]) -> int:
    """A new tensor of another's type and format."""
    index, given = self.tensor(name, shape, "float32"), self._graph.tensors[tensor]
    entry = self._graph.tensors[index]
    entry.type, entry.quantization = given.type, given.quantization
    return index

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
      entry.quantization.scale = quantization.scales
      entry.quantization.zeroPoint = [int(quantization.zero_point)] * len(quantization.scales)
    self._graph.tensors.append(entry)
    return len(self._graph.tensors) - 1

  def constant(self, name: str, data: np.ndarray, quantization: Quantization | None = None) -> int:
    """A weight; the same name is the same weight, however often it is asked for."""
    if name not in self._constants:
      index = self.tensor(name, data.shape, data.dtype.name, quantization)
      self._graph.tensors[index].buffer = self._model.buffer(data)
      self._constants[name] = index
    return self._constants[name]

  def sparse(
    self, name: str, matrix: np.ndarray, block: int, quantization: Quantization | None = None
  ) -> int:
    """A weight [rows, columns] of which only blocks of 1 x `block` that are not zero are kept."""
    if name in self._constants:
      return self._constants[name]
    rows, columns = matrix.shape
    if columns % block:
      raise ValueError(f"{name} has {columns} columns, which blocks of 1x{block} do not divide")
    blocks = matrix.reshape(rows, columns // block, block)
    keep = blocks.any(axis=2)
    index = self.constant(name, blocks[keep], quantization)
    entry = self._graph.tensors[index]
    entry.shape, entry.sparsity = [rows, columns], self.schema.SparsityParametersT()
    entry.sparsity.traversalOrder, entry.sparsity.blockMap = [0, 1, 2], [1]
    segments = np.concatenate([[0], np.cumsum(keep.sum(axis=1))])
    entry.sparsity.dimMetadata = [
      self._dense(rows), self._compressed(segments, np.nonzero(keep)[1]), self._dense(block),
    ]  # fmt: skip
    return index

  def _dense(self, size: int) -> Any:
    dimension = self.schema.DimensionMetadataT()
    dimension.format, dimension.denseSize = self.schema.DimensionType.DENSE, size
    return dimension

  def _compressed(self, segments: np.ndarray, indices: np.ndarray) -> Any:
    dimension = self.schema.DimensionMetadataT()
    dimension.format = self.schema.DimensionType.SPARSE_CSR
    for name, values in (("arraySegments", segments), ("arrayIndices", indices)):
      vector = self.schema.Int32VectorT()
      vector.values = values.astype(np.int32)
      setattr(dimension, name, vector)
      setattr(dimension, f"{name}Type", self.schema.SparseIndexVector.Int32Vector)
    return dimension

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
