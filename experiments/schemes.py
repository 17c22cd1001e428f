"""config.schemes and a stage's `quantize`: names -> what a device file keeps, or trains for.

float          as trained
hybrid         8-bit weights, a scale per output
hybrid-tensor  8-bit weights, a scale per matrix
hybrid-int4    4-bit weights, a scale per output and config.quantization.group inputs
integer        8-bit weights and activations
"""

from collections.abc import Callable, Mapping, Sequence

from ml_collections import ConfigDict

from edge_rnnt.cells.cell import IDENTITY, Tap
from edge_rnnt.model.config import RNNTConfig
from edge_rnnt.quant import fake_quant, rules
from edge_rnnt.quant.formats import Ranges
from edge_rnnt.train.quantize import Aware

RULES: Mapping[str, Callable[[int], rules.Rules]] = {
  "hybrid": lambda group: rules.HYBRID,
  "hybrid-tensor": lambda group: rules.HYBRID_PER_TENSOR,
  "hybrid-int4": rules.hybrid_int4,
  "integer": lambda group: rules.INTEGER,
}
NAMES = ("float", *RULES)


def file_scheme(name: str) -> str:
  """The scheme of the device file: float, hybrid or integer."""
  return name.partition("-")[0]


def rules_of(config: ConfigDict, name: str) -> rules.Rules | None:
  """Bits of the weights; None in float. Raises ValueError for an unknown name."""
  if name not in NAMES:
    raise ValueError(f"there is no scheme {name!r}; expected one of {', '.join(NAMES)}")
  return None if name == "float" else RULES[name](config.quantization.group)


def tap(config: ConfigDict, name: str, model: RNNTConfig, ranges: Ranges | None) -> Tap:
  """The model in the numbers of a scheme; ranges are needed for integer."""
  rules_ = rules_of(config, name)
  if rules_ is None:
    return IDENTITY
  if file_scheme(name) == "hybrid":
    return fake_quant.hybrid(rules_)
  return fake_quant.integer(
    ranges,
    encoder_cell=model.encoder_cell,
    prediction_cell=model.prediction_cell,
    layer_norm=model.layer_norm,
    rules=rules_,
  )


def aware(
  config: ConfigDict, model: RNNTConfig, stages: Sequence[ConfigDict], index: int
) -> Aware | None:
  """How the stage of that number is quantized in training, if it is.

  Raises ValueError for an unknown scheme, or a stage too short for its schedule.
  """
  stage, settings = stages[index], config.quantization
  if not stage.quantize:
    return None
  first = sum(each.steps for each in stages[:index])
  begin, freeze = (round(share * stage.steps) for share in (settings.begin, settings.freeze))
  return Aware(
    config=model,
    scheme=file_scheme(stage.quantize),
    rules=rules_of(config, stage.quantize),
    first=first,
    begin=first + begin,
    freeze=first + freeze,
    ranges=settings.ranges,
    every=settings.every,
    decay=settings.decay,
    rate=settings.rate,
  )


def masks_freeze_at(stages: Sequence[ConfigDict]) -> int | None:
  """Updates before the first stage that is quantized: masks stay from there on. None: never."""
  before = 0
  for stage in stages:
    if stage.quantize:
      return before
    before += stage.steps
  return None
