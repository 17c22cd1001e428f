"""Which checkpoints stay on disk; milestones always do."""

import dataclasses
import math
from collections.abc import Mapping

from orbax.checkpoint import checkpoint_managers as policies


@dataclasses.dataclass(frozen=True)
class Retention:
  """How many checkpoints stay; raises ValueError unless there is always one to resume from.

  Attributes:
    latest: the newest (two: one may turn out damaged).
    best: those with the lowest metric.
    metric: its name in what is saved beside a state.
  """

  latest: int = 2
  best: int = 1
  metric: str = "dev_wer"

  def __post_init__(self) -> None:
    if self.latest < 1 or self.best < 0:
      raise ValueError(
        f"latest={self.latest}, best={self.best}: at least the latest checkpoint stays, and none "
        "or more of the best"
      )

  def policy(self) -> policies.AnyPreservationPolicy:
    """For orbax."""
    return policies.AnyPreservationPolicy(
      [
        policies.LatestN(self.latest),
        # reversed: the policy keeps the end of the ranking, and the lowest is the best.
        policies.BestN(get_metric_fn=self.rank, reverse=True, n=self.best),
      ]
    )

  def rank(self, metrics: Mapping[str, float]) -> float:
    """The metric; infinite where there is none."""
    return metrics.get(self.metric, math.inf)
