"""The runs of the study. What several tables need is one point, equal in each."""

import bisect
from collections.abc import Iterable, Sequence

from ml_collections import ConfigDict

from edge_rnnt.model.config import CELLS, RNNTConfig
from experiments.device_bytes import DECODER, ENCODER, Model, plan
from experiments.multidomain import TO_DENSE
from experiments.quantization import NEVER
from experiments.sweep import Point, dense_starts, product

START, EDGE, SMALL = "lstm+lstm", "cifg+sru", "small"
DENSE, EIGHTY = "lstm-0%", "lstm-80%"
EDGE_CELLS = {"model.encoder_cell": "cifg", "model.prediction_cell": "sru"}
EDGE_DECODER = 0.3  # its sparsity in the paper, whatever the encoder's
TUNED = {"dense": DENSE, "sparse": EIGHTY}
"""Name of what is trained on, rounded or not -> the point that it begins with."""
SCALED = ("encoder_cells", "encoder_projection", "prediction_cells", "prediction_projection")
VOCABULARY = 256  # for comparing sizes alone: the embedding and the joint are as wide in both


def starts(seeds: Iterable[int]) -> list[Point]:
  """The dense LSTM, written out as `cells` does, so that it is trained once for all tables."""
  own = {"model.encoder_cell": "lstm", "model.prediction_cell": "lstm"}
  return _dense(seeds, own, START)


def cells() -> list[Point]:
  """Every encoder with every decoder, dense."""
  pairs = product({"model.encoder_cell": CELLS, "model.prediction_cell": CELLS})
  return [point for own in pairs for point in _dense((0,), own, "+".join(own.values()))]


def pruned(seeds: Iterable[int], sparsities: Iterable[float]) -> list[Point]:
  """The LSTM at each sparsity; at 0 it has had as many updates."""
  return [
    Point(f"lstm-{share:.0%}", seed, {"stages.prune.sparsity": share}, f"{START}:dense")
    for share in sparsities
    for seed in seeds
  ]


def edge(seeds: Sequence[int], sparsities: Iterable[float]) -> list[Point]:
  """The CIFG encoder at each sparsity, its SRU decoder at 30 %, after their dense starts."""
  return _dense(seeds, EDGE_CELLS, EDGE) + [
    Point(
      f"edge-{share:.0%}",
      seed,
      EDGE_CELLS
      | {
        "stages.prune.sparsity": share,
        "pruning.shares.prediction": round(EDGE_DECODER / share, 4),
      },
      f"{EDGE}:dense",
    )
    for share in sparsities
    for seed in seeds
  ]


def small(config: ConfigDict, seeds: Sequence[int]) -> list[Point]:
  """A dense LSTM of the edge model's bytes, with as many updates, after its start."""
  own = small_widths(config)
  return _dense(seeds, own, SMALL) + [
    Point(f"{SMALL}-0%", seed, own | {"stages.prune.sparsity": 0.0}, f"{SMALL}:dense")
    for seed in seeds
  ]


def tuned(kind: str, sparsity: float, aware: Iterable[str]) -> list[Point]:
  """What `kind` names trained on: unrounded, and in the numbers of each scheme; masks stay."""
  frozen = {"pruning.start": sparsity, "pruning.every": NEVER} if sparsity else {}
  own = {"curriculum": ("tune",), "fidelity": True} | frozen
  begin = f"{TUNED[kind]}:pruned"
  return [Point(f"{kind}-after", 0, own, begin)] + [
    Point(
      f"{kind}-aware-{name}", 0, own | {"stages.tune.quantize": name, "schemes": (name,)}, begin
    )
    for name in aware
  ]


def changed(sparsity: float, changes: dict[str, dict]) -> list[Point]:
  """The LSTM pruned as in `pruned`, but for a change."""
  at = {"stages.prune.sparsity": sparsity, "schemes": ("float",)}
  return [Point(name, 0, at | own, f"{START}:dense") for name, own in changes.items()]


def scratch() -> Point:
  """Pruned from the first update of the transducer on, with as many updates in all."""
  own = {"curriculum": (*TO_DENSE[:-1], "scratch"), "schemes": ("float",)}
  return Point("from-scratch", 0, own)


def _dense(seeds: Iterable[int], own: dict, name: str) -> list[Point]:
  return list(dense_starts(seeds, {"curriculum": TO_DENSE, **own}, name=name))


def small_widths(config: ConfigDict) -> dict[str, int]:
  """Cells and projections, all scaled alike, of the dense LSTM whose integer file is nearest in
  bytes to that of the edge model at 50 and 30 %.
  """
  target = _bytes(config, {"encoder_cell": "cifg", "prediction_cell": "sru"}, 0.5, EDGE_DECODER)

  def scaled(half_percent: int) -> dict[str, int]:
    return {name: max(8, round(config.model[name] * half_percent / 400) * 2) for name in SCALED}

  tried = range(60, 201)
  # The first that is too large, and the last that isn't: bytes grow with the widths.
  above = bisect.bisect_left(tried, target, key=lambda each: _bytes(config, scaled(each)))
  near = [scaled(each) for each in tried[max(0, above - 1) : above + 1]]
  widths = min(near, key=lambda own: abs(_bytes(config, own) - target))
  return {f"model.{name}": width for name, width in widths.items()}


def _bytes(config: ConfigDict, own: dict, encoder: float = 0.0, decoder: float = 0.0) -> int:
  sizes = {"feature_dim": 4 * config.front_end.num_mels, "vocab_size": VOCABULARY}
  model = RNNTConfig(**sizes, **(dict(config.model) | own))
  sparsities = {ENCODER: encoder, DECODER: decoder}
  return plan(Model("", model, sparsities), "integer", tuple(config.pruning.block), 0).bytes
