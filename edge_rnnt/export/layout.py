"""Which tensors a device file of a given model and scheme holds: names, types and shapes.

One table, read by whoever writes a file (`freeze`) and whoever opens one. Quantized weights have
their scales beside them: with `joint/encoder` in int8 and `joint/encoder.scale` in float32,
weight = int8 * scale.

  scheme   matrices  their scales                                  bias     gain
  float    float32   -                                             float32  float32
  hybrid   int8      per output (a kernel: for x and h each)       float32  float32
  integer  int8      per matrix (a kernel: per gate, x and h each) int32    int16, scale per gate

Matrices are the kernels, projections, the three of the joint network, and the embedding (which
has 8 bits and one scale always). The hybrid scheme has its weights in other ways too (`Weights`):

  per tensor   8 bits, one scale (a kernel: two, for x and h)
  per group    4 bits, a float16 scale for every output and `group` inputs [groups, out]; a kernel's
               groups of x come before those of h, and none holds both

The scales of the integer scheme's biases follow from the others (export/freeze.py) and are not
stored; the formats of its activations are named numbers in the metadata: `<layer>/input` for the
first layer of the encoder, and for every layer `gates/<gate>`, `cell`, `hidden` (if it has a
projection), `output`.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from edge_rnnt.export.architecture import Architecture, Layer

SCHEMES = ("float", "hybrid", "integer")
SCALE = ".scale"


class Weights(NamedTuple):
  """How a hybrid file keeps its weights; each `per` has its one number of bits."""

  per: str = "output"
  group: int = 0
  """Inputs that share a scale; 0 unless per group."""

  @property
  def bits(self) -> int:
    return 4 if self.per == "group" else 8


PER_OUTPUT = Weights()
LARGEST_GROUP = 1 << 12


class Spec(NamedTuple):
  """Type and shape of a stored tensor."""

  dtype: np.dtype
  shape: tuple[int, ...]


def kernels(architecture: Architecture) -> dict[str, tuple[int, int]]:
  """The matrices that pruning may have thinned out, hence that may be stored in blocks."""
  return {f"{layer.path}/kernel": layer.kernel_shape for layer in architecture.layers}


def matrices(architecture: Architecture) -> dict[str, tuple[int, int]]:
  """Every matrix that the quantized schemes keep in 8 bits, [in, out] (the embedding: [V, E])."""
  found = dict(kernels(architecture))
  for layer in architecture.layers:
    if layer.projection is not None:
      found[f"{layer.path}/projection"] = (layer.cells, layer.projection)
  found["prediction/embedding"] = (architecture.vocab_size, architecture.embedding_dim)
  found["joint/encoder"] = (architecture.encoder_dim, architecture.joint_dim)
  found["joint/prediction"] = (architecture.prediction_dim, architecture.joint_dim)
  found["joint/output_kernel"] = (architecture.joint_dim, architecture.vocab_size)
  return found


def panelled(architecture: Architecture, scheme: str) -> dict[str, tuple[int, int]]:
  """The quantized matrices that are stored in panels (export/panels.py) or, with 4 bits, in nibbles
  (export/nibbles.py) unless in blocks.

  Not the embedding, whose rows are looked up.
  """
  found = {} if scheme == "float" else matrices(architecture)
  return {name: shape for name, shape in found.items() if name != "prediction/embedding"}


def vectors(architecture: Architecture) -> dict[str, tuple[int]]:
  """Biases and layer-norm gains."""
  found = {}
  for layer in architecture.layers:
    found[f"{layer.path}/bias"] = (len(layer.gates) * layer.cells,)
    if layer.normalized:
      found[f"{layer.path}/gain"] = (len(layer.normalized) * layer.cells,)
  found["joint/bias"] = (architecture.joint_dim,)
  found["joint/output_bias"] = (architecture.vocab_size,)
  return found


def expected(
  architecture: Architecture, scheme: str, weights: Weights = PER_OUTPUT
) -> dict[str, Spec]:
  """All tensors of a file, matrices as if dense and, if quantized, of 8 bits.

  Raises ValueError for a scheme that does not exist.
  """
  if scheme not in SCHEMES:
    raise ValueError(f"scheme is {scheme!r}, expected one of {', '.join(SCHEMES)}")
  integer, dtype = scheme == "integer", "float32" if scheme == "float" else "int8"
  tensors = {name: (dtype, shape) for name, shape in matrices(architecture).items()}
  for name, shape in vectors(architecture).items():
    gain = name.endswith("/gain")
    tensors[name] = ("int16" if gain else "int32", shape) if integer else ("float32", shape)
  if scheme != "float":
    for name, shape in scales(architecture, scheme, weights).items():
      half = weights.per == "group" and name != "prediction/embedding"
      tensors[name + SCALE] = ("float16" if half else "float32", shape)
  return {name: Spec(np.dtype(dtype), shape) for name, (dtype, shape) in tensors.items()}


def scales(
  architecture: Architecture, scheme: str, weights: Weights = PER_OUTPUT
) -> dict[str, tuple[int, ...]]:
  """Shapes of a quantized scheme's scales; a kernel has them apart for its rows of x and of h."""
  hybrid = scheme == "hybrid"
  found: dict[str, tuple[int, ...]] = {}
  for name, (inputs, outputs) in matrices(architecture).items():
    if weights.per == "group":
      found[name] = (groups(inputs, weights.group), outputs)
    else:
      found[name] = (outputs,) if hybrid and weights.per == "output" else (1,)
  found["prediction/embedding"] = (1,)
  for layer in architecture.layers:
    name, columns = f"{layer.path}/kernel", layer.kernel_shape[1]
    parts = [rows for rows in (layer.input_dim, layer.recurrent_dim) if rows]
    if weights.per == "group":
      found[name] = (sum(groups(rows, weights.group) for rows in parts), columns)
    elif hybrid:
      found[name] = (len(parts), columns if weights.per == "output" else 1)
    else:
      found[name] = (len(parts), len(layer.gates))
    if layer.normalized and not hybrid:
      found[f"{layer.path}/gain"] = (len(layer.normalized),)
  return found


def groups(inputs: int, group: int) -> int:
  """How many groups of `group` inputs there are, the last of which may be smaller."""
  return -(-inputs // group)


def activations(architecture: Architecture) -> dict[str, int]:
  """Bits of every activation that the integer scheme stores a format for."""
  return {"encoder/layer_0/input": 8} | {
    f"{layer.path}/{name}": bits for layer in architecture.layers for name, bits in _layer(layer)
  }


def _layer(layer: Layer) -> Iterator[tuple[str, int]]:
  for gate in layer.gates:
    yield f"gates/{gate}", 16
  yield "cell", 16
  if layer.projection is not None:
    yield "hidden", 8
  yield "output", 8
