"""The paper's layer with random weights, in every scheme, for the benchmark of runtimes.

640 inputs, 2,048 cells, a projection to 640, layer norm: 47 MB in float32. It is the one layer of a
small recognizer, so that it is quantized, pruned and written to a device file as any model is.
"""

import dataclasses
import functools
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.export import container, freeze, layout, ranges
from edge_rnnt.export.architecture import Architecture, Layer
from edge_rnnt.model.config import RNNTConfig, without_auxiliary
from edge_rnnt.prune.masks import keep_mask
from edge_rnnt.text.wordpiece import WordPieces, train_wordpieces

WIDTH, CELLS = 640, 2048
PATH = "encoder/layer_0"
FRONT_END = FrontEnd(num_mels=128, stack=5)
FRAMES = 40


@dataclasses.dataclass(frozen=True)
class Problem:
  """A layer: its cell, and the share of its blocks [inputs, outputs] that is zero."""

  cell: str = "lstm"
  sparsity: float = 0.0
  block: tuple[int, int] = (8, 1)


class PaperLayer(NamedTuple):
  """A problem drawn: frames [FRAMES, WIDTH] and, by scheme, the frozen model and its file."""

  layer: Layer
  frames: np.ndarray
  frozen: dict[str, container.Frozen]
  files: dict[str, Path]
  stored_bytes: dict[str, int]
  folder: tempfile.TemporaryDirectory
  """Holds the files; gone when the program ends."""

  def arrays(self, scheme: str) -> dict[str, np.ndarray]:
    """The layer's tensors by short name: kernel, kernel.scale, bias, ..."""
    prefix = f"{PATH}/"
    tensors = self.frozen[scheme].tensors
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


@functools.cache
def draw(problem: Problem) -> PaperLayer:
  """The same weights for the same problem; files are written to a temporary folder."""
  rng = np.random.default_rng(0)
  wordpieces = train_wordpieces(["one two three four five six"], vocab_size=10, model_type="word")
  config = RNNTConfig(
    feature_dim=WIDTH,
    vocab_size=WordPieces(wordpieces).vocab_size,
    encoder_cell=problem.cell,
    encoder_layers=1,
    time_reduction=1,
    time_reduction_after=0,
    encoder_cells=CELLS,
    encoder_projection=WIDTH,
    embedding_dim=8,
    prediction_layers=1,
    prediction_cells=8,
    prediction_projection=8,
    joint_dim=8,
  )
  params = random_parameters(config, rng)
  if problem.sparsity:
    kernel = params["encoder"]["layer_0"]["kernel"]
    mask = np.asarray(keep_mask(kernel, problem.sparsity, problem.block))
    params["encoder"]["layer_0"]["kernel"] = kernel * mask
  frames = rng.standard_normal((FRAMES, WIDTH)).astype(np.float32)
  batch = ranges.Utterances(
    frames[None], np.int32([FRAMES]), np.zeros((1, 2), np.int32), np.int32([2])
  )
  measured = ranges.measure_ranges(params, config, [batch])
  folder = tempfile.TemporaryDirectory(prefix="device-benchmark-")
  frozen, files, stored = {}, {}, {}
  for scheme in layout.SCHEMES:
    frozen[scheme] = freeze.freeze(params, config, scheme, ranges=measured, block=problem.block)
    files[scheme] = Path(folder.name) / f"{scheme}.edge"
    container.write(files[scheme], frozen[scheme], FRONT_END.to_json(), wordpieces)
    stored[scheme] = container.sizes(container.stored(frozen[scheme]))[PATH]
  layer = frozen["float"].architecture.encoder[0]
  return PaperLayer(layer, frames, frozen, files, stored, folder)


def random_parameters(config: RNNTConfig, rng: np.random.Generator) -> dict:
  """Weights of the size that training starts from; gains near 1."""
  tree: dict = {}
  architecture = Architecture.from_json(without_auxiliary(config.to_json()))
  for name, spec in layout.expected(architecture, "float").items():
    values = rng.standard_normal(spec.shape)
    if len(spec.shape) == 2:
      values /= np.sqrt(spec.shape[0])
    else:
      values = 0.2 * values + name.endswith("/gain")
    *parents, leaf = name.split("/")
    branch = functools.reduce(lambda node, key: node.setdefault(key, {}), parents, tree)
    branch[leaf] = values.astype(np.float32)
  return tree
