"""The questions of the study: what is compared with what, and what the paper says.

Figures of the paper are those of its sparsity table and abstract (Shangguan et al. 2019). Where it
gives a direction but no figure at hand, the bound is ours, and the sentence says so. Aims are the
project's own, set before anything was measured.
"""

import dataclasses
from collections.abc import Collection, Iterable

from ml_collections import ConfigDict

from edge_rnnt.report.claims import Claim
from edge_rnnt.report.study import Section
from experiments import study_points
from experiments.multidomain import TO_DENSE
from experiments.study_points import DENSE, EIGHTY, SMALL, START
from experiments.sweep import Point

SPARSITIES = (0.0, 0.5, 0.7, 0.8, 0.9)
EDGES = (0.5, 0.7, 0.8)
SCHEMES = ("float", "hybrid", "integer")
FIRST_SEED = (0,)
SHOWN_FIRST = "lstm-50%-integer"
"""Of these, what the README's first line is about, however it came out: the first of the aims."""
HEADLINE = (
  f"{DENSE}-float",
  *(f"{name}-{scheme}" for name in ("lstm-50%", EIGHTY) for scheme in ("float", "integer")),
  *(f"edge-{share:.0%}-integer" for share in EDGES),
  f"{SMALL}-0%-integer",
)
"""What a reader who looks at one table sees; the first is what the others are measured against."""
PAPER = {
  0.5: {"commands": 0.015, "read": 0.041, "telephony": 0.012},
  0.7: {"commands": 0.076, "read": 0.056, "telephony": 0.049},
  0.8: {"commands": 0.121, "read": 0.087, "telephony": 0.099},
}
"""Sparsity -> domain -> relative rise of WER in the paper's table, over its dense model."""
PAPER_EDGE = {"commands": 0.076, "read": -0.031, "telephony": 0.012}
"""Of 7.1 / 18.9 / 8.2 against 6.6 / 19.5 / 8.1."""
ITS_SETS = {"commands": "voice search", "read": "YouTube", "telephony": "telephony"}
WHAT = {
  "align": "updates of alignment to known words", "hear": "of CTC on orders and digits",
  "widen": "of CTC on all", "dense": "of the transducer",
}  # fmt: skip
"""The stages of a dense start."""
TOGETHER = ("commands", "telephony")
"""What "all" means on the page. Sentences have nine tenths of the words, and no dense model of this
size and training hears them (dev WER above 95 %), so they would drown what can be compared."""
CHANGES = {
  "no-recovery": {"pruning.recovery": "none"},
  "magnitude-recovery": {"pruning.recovery": "magnitude"},
  "blocks-1x1": {"pruning.block": (1, 1)},
  "blocks-1x8": {"pruning.block": (1, 8)},
  "blocks-16x1": {"pruning.block": (16, 1)},
  "ranked-globally": {"pruning.across": "pattern"},
}
"""What else could be done at 80 %, one change a model."""


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


def about(config: ConfigDict) -> str:
  """Whose questions these are, and how much smaller everything is here."""
  model, stages = config.model, config.stages
  dense = ", ".join(f"{stages[name].steps:,} {WHAT[name]}" for name in TO_DENSE)
  return (
    "The questions are those of Shangguan et al., Optimizing Speech Recognition For The Edge "
    "(2019, arXiv:1909.12408), whose LSTM has 122 M parameters and was trained on speech that "
    f"is not public. Here: {model.encoder_layers} encoder layers of {model.encoder_cells} cells, "
    f"projected to {model.encoder_projection}, {model.prediction_layers} such layer for "
    f"prediction, {config.pieces.vocab_size} word-pieces, trained from scratch on what is named "
    f"below: a dense start in {dense}; then {stages.prune.steps:,} updates in which weights are "
    "pruned or, for the dense row, stay. What differs is said with each table."
  )


def sections(
  asked: Iterable[Question], keys: Collection[str], found: Collection[str]
) -> list[Section]:
  """The tables of these keys, and of the others those of which more was found than their base."""
  every = [each.section for each in asked]
  return [each for each in every if each.key in keys or set(found) & set(each.models) - {each.base}]


def _sparsity(seeds: tuple[int, ...]) -> Question:
  claims = [
    Claim(
      sentence=f"{share:.0%} sparse, {domain}: the paper ({ITS_SETS[domain]}) has {rise:.1%} more "
      "errors than dense.",
      row=f"lstm-{share:.0%}-float",
      base=f"{DENSE}-float",
      at_most=rise,
      set=domain,
    )
    for share, rises in PAPER.items()
    for domain, rise in rises.items()
  ]
  claims.append(
    Claim(
      sentence="Our aim at 80 %, commands and telephony together: at most a quarter more errors.",
      row=f"{EIGHTY}-float",
      base=f"{DENSE}-float",
      at_most=0.25,
    )
  )
  section = Section(
    key="sparsity",
    title="1. What sparsity costs",
    question="An LSTM RNN-T, trained dense, then pruned in blocks of 8x1 while it trains on. The "
    "dense row has had as many updates as the others.",
    models=tuple(f"lstm-{share:.0%}-float" for share in SPARSITIES),
    base=f"{DENSE}-float",
    claims=tuple(claims),
    curve=True,
  )
  points = (*study_points.starts(seeds), *study_points.pruned(seeds, SPARSITIES))
  return Question(section, points)


def _cells() -> Question:
  points = study_points.cells()
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
        sentence="The paper: a CIFG can take the LSTM's place in the encoder (our bound: at most "
        "5 % more errors).",
        row="cifg+lstm-float",
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
  edges, smalls = study_points.edge(seeds, EDGES), study_points.small(config, seeds)
  section = Section(
    key="combined",
    title="3. The combined model",
    question="A CIFG encoder at 50, 70 and 80 % and an SRU decoder at 30 % sparsity, against the "
    "dense LSTM, and against a small dense LSTM, trained for just as long, whose integer file has "
    "the bytes of the first of them.",
    models=(
      f"{DENSE}-float",
      *(f"edge-{share:.0%}-{scheme}" for share in EDGES for scheme in SCHEMES),
      *(f"{SMALL}-0%-{scheme}" for scheme in SCHEMES),
    ),
    base=f"{DENSE}-float",
    claims=(
      Claim(
        sentence="The paper: the 50 % sparse CIFG encoder with the 30 % sparse SRU decoder beats a "
        "small dense LSTM; here as integer files of the same size.",
        row="edge-50%-integer",
        base=f"{SMALL}-0%-integer",
        at_most=0.0,
      ),
      *(
        Claim(
          sentence=f"{name}: the paper's CIFG encoder with a sparse SRU decoder (how sparse isn't "
          f"known to us) has {abs(more):.1%} {'more' if more > 0 else 'fewer'} errors "
          f"than its dense LSTM ({ITS_SETS[name]}).",
          row="edge-50%-float",
          base=f"{DENSE}-float",
          at_most=more,
          set=name,
        )
        for name, more in PAPER_EDGE.items()
      ),
      Claim(
        sentence="Our aim: the combined model, in integers and a tenth of the dense float bytes, "
        "makes at most 10 % more errors; here at 80 %.",
        row="edge-80%-integer",
        base=f"{DENSE}-float",
        at_most=0.1,
      ),
    ),
  )
  dense = (*study_points.starts(seeds), *study_points.pruned(seeds, (0.0,)))
  return Question(section, (*dense, *edges, *smalls))


def _quantization() -> Question:
  schemes, kinds = SCHEMES[1:], {"dense": 0.0, "sparse": 0.8}
  ways = {"after": "quantized after training", "aware": "trained for it"}
  claims = tuple(
    Claim(
      sentence=f"The paper: {scheme} quantization keeps the WER (our bound: at most 5 % more "
      f"errors); here {kind}, {how}.",
      row=f"{kind}-{way}-{scheme}",
      base=f"{kind}-after-float",
      at_most=0.05,
    )
    for kind in kinds
    for way, how in ways.items()
    for scheme in schemes
  )
  section = Section(
    key="quantization",
    title="4. Quantization",
    question="The dense and the 80 % sparse LSTM in float32, in the hybrid and in the integer "
    "scheme. Each was trained on for the same updates, its masks as they were: without rounding, "
    "and quantized after it (after), or with fake quantization in one scheme (aware).",
    models=tuple(
      name
      for kind in kinds
      for name in (
        *(f"{kind}-after-{scheme}" for scheme in SCHEMES),
        *(f"{kind}-aware-{scheme}" for scheme in schemes),
      )
    ),
    base="dense-after-float",
    claims=claims,
  )
  needed = (*study_points.starts(FIRST_SEED), *study_points.pruned(FIRST_SEED, (0.0, 0.8)))
  tuned = (
    each for kind, share in kinds.items() for each in study_points.tuned(kind, share, schemes)
  )
  return Question(section, (*needed, *tuned))


def _beyond() -> Question:
  section = Section(
    key="beyond",
    title="6. Beyond the paper",
    question="80 % sparse LSTMs that differ in one thing from the first row (blocks of 8x1, "
    "gradients reach pruned weights, each tensor ranked alone, from the trained dense model).",
    models=(f"{EIGHTY}-float", *(f"{name}-float" for name in (*CHANGES, "from-scratch"))),
    base=f"{EIGHTY}-float",
    claims=(
      Claim(
        sentence="The paper lets pruned weights come back (we know no figure of what that brings); "
        "expected: the model in which they cannot makes no fewer errors.",
        row="no-recovery-float",
        base=f"{EIGHTY}-float",
        at_least=0.0,
      ),
      Claim(
        sentence="The paper prunes blocks of 8x1 for speed; expected to cost something: single "
        "weights make no more errors.",
        row="blocks-1x1-float",
        base=f"{EIGHTY}-float",
        at_most=0.0,
      ),
      Claim(
        sentence="Expected: pruned from the first update it makes no fewer errors than from a "
        "trained model.",
        row="from-scratch-float",
        base=f"{EIGHTY}-float",
        at_least=0.0,
      ),
    ),
  )
  needed = (*study_points.starts(FIRST_SEED), *study_points.pruned(FIRST_SEED, (0.8,)))
  changed = study_points.changed(0.8, CHANGES)
  return Question(section, (*needed, *changed, study_points.scratch()))
