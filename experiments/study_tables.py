"""The questions of the study: which points answer them, and what the paper says.

Figures of the paper are those of its sparsity table and abstract (Shangguan et al. 2019). Where it
gives a direction but no figure at hand, the bound is ours, and the sentence says so.
"""

import dataclasses
from collections.abc import Iterable

from ml_collections import ConfigDict

from edge_rnnt.model.config import CELLS, RNNTConfig
from edge_rnnt.model.inventory import count
from edge_rnnt.report.claims import Claim
from edge_rnnt.report.study import Section
from experiments.sweep import Point, dense_starts, product

SPARSITIES = (0.0, 0.5, 0.7, 0.8, 0.9)
SCHEMES = ("float", "hybrid", "integer")
START, EDGE, SMALL = "lstm+lstm", "cifg+sru", "small"
DENSE, EIGHTY = "lstm-0%", "lstm-80%"
DECODER = 0.3  # of the edge model, in the paper
FIRST_SEED = (0,)
WORST_SET = {0.5: 0.041, 0.7: 0.076, 0.8: 0.121}
"""Sparsity -> relative rise of WER on the paper's worst set, from its table."""
VOCABULARY = 256  # for comparing sizes alone: the embedding and the joint are as wide in both


@dataclasses.dataclass(frozen=True)
class Question:
  """A table of the study, and the runs that fill it."""

  section: Section
  points: tuple[Point, ...]


def questions(config: ConfigDict, seeds: Iterable[int]) -> tuple[Question, ...]:
  """All tables, in the order of the page. Points that several need are equal in each."""
  seeds = tuple(seeds)
  return (
    _sparsity(seeds),
    _cells(),
    _combined(config, seeds),
    _quantization(),
    _beyond(),
  )


def _sparsity(seeds: tuple[int, ...]) -> Question:
  claims = tuple(
    Claim(
      sentence=f"The paper: at {share:.0%} sparsity WER rises by {rise:.1%} relative at most, over "
      "its three sets.",
      row=f"lstm-{share:.0%}-float",
      base=f"{DENSE}-float",
      at_most=rise,
    )
    for share, rise in WORST_SET.items()
  )
  section = Section(
    key="sparsity",
    title="1. What sparsity costs",
    question="An LSTM RNN-T, trained dense, then pruned in blocks of 8x1 while it trains on. The "
    "dense row has had as many updates as the others.",
    models=tuple(f"lstm-{share:.0%}-float" for share in SPARSITIES),
    base=f"{DENSE}-float",
    claims=claims,
    curve=True,
  )
  return Question(section, (*_starts(seeds), *_pruned(seeds, SPARSITIES)))


def _cells() -> Question:
  cells = product({"model.encoder_cell": CELLS, "model.prediction_cell": CELLS})
  points = [_start("+".join(each.values()), 0, each) for each in cells]
  section = Section(
    key="cells",
    title="2. Cells",
    question="Encoder + decoder cells of equal width, each trained from scratch with the same "
    "updates: can CIFG and SRU stand in for the LSTM?",
    models=tuple(f"{point.name}-float" for point in points),
    base=f"{START}-float",
    claims=(
      Claim(
        sentence="The paper: an SRU can take the LSTM's place in the decoder (our bound: at most "
        "5 % more errors).",
        row="lstm+sru-float",
        base=f"{START}-float",
        at_most=0.05,
      ),
      Claim(
        sentence="The paper: in the encoder an SRU does worse than a CIFG.",
        row="sru+lstm-float",
        base="cifg+lstm-float",
        at_least=0.0,
      ),
    ),
  )
  return Question(section, tuple(points))


def _combined(config: ConfigDict, seeds: tuple[int, ...]) -> Question:
  cells = {"model.encoder_cell": "cifg", "model.prediction_cell": "sru"}
  edges = [
    Point(
      f"edge-{share:.0%}",
      seed,
      cells
      | {"stages.prune.sparsity": share, "pruning.shares.prediction": round(DECODER / share, 4)},
      f"{EDGE}:dense",
    )
    for share in (0.5, 0.7, 0.8)
    for seed in seeds
  ]
  small = small_widths(config)
  smalls = [
    Point(f"{SMALL}-0%", seed, small | {"stages.prune.sparsity": 0.0}, f"{SMALL}:dense")
    for seed in seeds
  ]
  starts = [_start(EDGE, seed, cells) for seed in seeds]
  starts += [_start(SMALL, seed, small) for seed in seeds]
  section = Section(
    key="combined",
    title="3. The combined model",
    question="A CIFG encoder and an SRU decoder (30 % sparse), against the dense LSTM, and against "
    "a small dense LSTM with as many weights as the first of them keeps, trained for just as long.",
    models=(
      f"{DENSE}-float",
      *(f"edge-{share:.0%}-{scheme}" for share in (0.5, 0.7, 0.8) for scheme in SCHEMES),
      *(f"{SMALL}-0%-{scheme}" for scheme in SCHEMES),
    ),
    base=f"{DENSE}-float",
    claims=(
      Claim(
        sentence="The paper: the 50 % sparse CIFG encoder with the 30 % sparse SRU decoder beats a "
        "small dense LSTM.",
        row="edge-50%-float",
        base=f"{SMALL}-0%-float",
        at_most=0.0,
      ),
      Claim(
        sentence="The paper: a CIFG encoder with a sparse SRU decoder makes 7.6 % more errors than "
        "the dense LSTM on its worst set.",
        row="edge-50%-float",
        base=f"{DENSE}-float",
        at_most=0.076,
      ),
    ),
  )
  return Question(section, (*_starts(seeds), *_pruned(seeds, (0.0,)), *starts, *edges, *smalls))


def _quantization() -> Question:
  claims = tuple(
    Claim(
      sentence=f"The paper: {scheme} quantization keeps the WER (our bound: at most 5 % more "
      f"errors); here on {name}.",
      row=f"{name}-{scheme}",
      base=f"{name}-float",
      at_most=0.05,
    )
    for name in (DENSE, EIGHTY)
    for scheme in SCHEMES[1:]
  )
  section = Section(
    key="quantization",
    title="4. Quantization",
    question="The same weights in float32, in the hybrid and in the integer scheme, quantized "
    "after training.",
    models=tuple(f"{name}-{scheme}" for name in (DENSE, EIGHTY) for scheme in SCHEMES),
    base=f"{DENSE}-float",
    claims=claims,
  )
  return Question(section, (*_starts(FIRST_SEED), *_pruned(FIRST_SEED, (0.0, 0.8))))


def _beyond() -> Question:
  at_80 = {"stages.prune.sparsity": 0.8}
  changes = {
    "no-recovery": {"pruning.recovery": "none"},
    "magnitude-recovery": {"pruning.recovery": "magnitude"},
    "blocks-1x1": {"pruning.block": (1, 1)},
    "blocks-1x8": {"pruning.block": (1, 8)},
    "blocks-16x1": {"pruning.block": (16, 1)},
    "ranked-globally": {"pruning.across": "pattern"},
  }
  points = [
    Point(name, 0, at_80 | own | {"schemes": ("float",)}, f"{START}:dense")
    for name, own in changes.items()
  ]
  section = Section(
    key="beyond",
    title="6. What the paper does not show",
    question="80 % sparse LSTMs that differ in one thing from the first row (blocks of 8x1, "
    "gradients reach pruned weights, each tensor ranked alone, from the trained dense model).",
    models=(f"{EIGHTY}-float", *(f"{name}-float" for name in (*changes, "from-scratch"))),
    base=f"{EIGHTY}-float",
  )
  scratch = Point("from-scratch", 0, {"curriculum": ("align", "hear", "scratch")})
  return Question(section, (*_starts(FIRST_SEED), *_pruned(FIRST_SEED, (0.8,)), *points, scratch))


def _start(name: str, seed: int, overrides: dict) -> Point:
  (point,) = dense_starts((seed,), overrides, name=name)
  return point


def _starts(seeds: Iterable[int]) -> list[Point]:
  """The dense LSTM, written out as table 2 names it, so that it is trained once for all tables."""
  cells = {"model.encoder_cell": "lstm", "model.prediction_cell": "lstm"}
  return [_start(START, seed, cells) for seed in seeds]


def _pruned(seeds: Iterable[int], sparsities: Iterable[float]) -> list[Point]:
  return [
    Point(f"lstm-{share:.0%}", seed, {"stages.prune.sparsity": share}, f"{START}:dense")
    for share in sparsities
    for seed in seeds
  ]


def small_widths(config: ConfigDict) -> dict[str, int]:
  """Cells and projections, all scaled alike, of the dense LSTM nearest in size to the edge model.

  Its size is that of the edge model's weights that are left at 50 and 30 %.
  """
  own = dict(config.model)
  sizes = {"feature_dim": 4 * config.front_end.num_mels, "vocab_size": VOCABULARY}
  edge = RNNTConfig(**sizes, **(own | {"encoder_cell": "cifg", "prediction_cell": "sru"}))
  left = count(edge).nonzero({r"encoder/.*/kernel": 0.5, r"prediction/.*/kernel": DECODER})

  def scaled(percent: int) -> dict[str, int]:
    names = ("encoder_cells", "encoder_projection", "prediction_cells", "prediction_projection")
    return {name: max(8, round(own[name] * percent / 200) * 2) for name in names}

  def distance(percent: int) -> int:
    return abs(count(RNNTConfig(**sizes, **(own | scaled(percent)))).total - left)

  best = min(range(40, 101), key=distance)
  return {f"model.{name}": width for name, width in scaled(best).items()}
