"""Which checkpoints stay on disk; milestones always do."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from orbax.checkpoint import checkpoint_managers as policies


@dataclasses.dataclass(frozen=True)
class Retention:
  """How many checkpoints stay; raises ValueError unless there is always one to resume from.

  Attributes:
    latest: the newest (two: one may turn out damaged).
    best: those with the lowest metric.
    metric: its name in what is saved beside a state.
    average: how many checkpoints' weights are averaged into what a stage keeps; 1 is its end alone.
    spacing: updates between these. They stay until the stage's end is saved.
  """

  latest: int = 2
  best: int = 1
  metric: str = "dev_wer"
  average: int = 1
  spacing: int = 100

  def __post_init__(self) -> None:
    if self.latest < 1 or self.best < 0:
      raise ValueError(
        f"latest={self.latest}, best={self.best}: at least the latest checkpoint stays, and none "
        "or more of the best"
      )
    if self.average < 1 or self.spacing < 1:
      raise ValueError(
        f"average={self.average}, spacing={self.spacing}: 1 checkpoint or more, 1 update or more "
        "apart"
      )

  def policy(self, needed: Mapping[int, int]) -> policies.AnyPreservationPolicy:
    """For orbax. needed: step -> the step up to which it stays in any case."""
    return policies.AnyPreservationPolicy(
      [
        _Needed(needed),
        policies.LatestN(self.latest),
        # reversed: the policy keeps the end of the ranking, and the lowest is the best.
        policies.BestN(get_metric_fn=self.rank, reverse=True, n=self.best),
      ]
    )

  def rank(self, metrics: Mapping[str, float]) -> float:
    """The metric; infinite where there is none."""
    return metrics.get(self.metric, math.inf)


@dataclasses.dataclass(frozen=True)
class _Needed(policies.PreservationPolicy):
  """Steps that stay until another is saved that comes after the one they are needed for."""

  needed: Mapping[int, int]

  def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> list[bool]:
    del context
    newest = max(each.step for each in checkpoints)
    return [self.needed.get(each.step, -1) >= newest for each in checkpoints]
