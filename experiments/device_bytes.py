"""How large the device file of a model would be that nobody has trained."""

from typing import NamedTuple

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.export import footprint, layout
from edge_rnnt.export.architecture import Architecture
from edge_rnnt.model.config import RNNTConfig, without_auxiliary
from edge_rnnt.model.inventory import Sparsities, count

ENCODER, DECODER = "encoder/.*/kernel", "prediction/.*/kernel"


class Model(NamedTuple):
  """Sizes, and the sparsity of what a pattern selects."""

  name: str
  config: RNNTConfig
  sparsities: Sparsities
  note: str = ""


def plan(model: Model, scheme: str, block: tuple[int, int], wordpieces: int) -> footprint.Plan:
  """The device file: kernels that pruning may thin out in blocks, all else dense."""
  architecture = Architecture.from_json(without_auxiliary(model.config.to_json()))
  stored_in_blocks = layout.kernels(architecture)
  kept = count(model.config).kept_blocks(model.sparsities, block)
  formats = footprint.placeholder_formats(architecture) if scheme == "integer" else {}
  return footprint.Plan(
    architecture=architecture,
    scheme=scheme,
    front_end=front_end(model.config).to_json(),
    kept={path: blocks for path, blocks in kept.items() if path in stored_in_blocks},
    block=block,
    activations=formats,
    wordpieces=wordpieces,
  )


def front_end(config: RNNTConfig) -> FrontEnd:
  """One that makes frames of the model's width, with statistics of 17 digits a band."""
  stack = FrontEnd().stack
  bands = config.feature_dim // stack
  return FrontEnd(num_mels=bands, mean=(-1 / 3,) * bands, std=(1 / 3,) * bands)
