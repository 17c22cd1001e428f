"""A training problem so small that a run of it takes seconds: one kernel, fitted to a line."""

import hashlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.inputs.alignment import UNKNOWN
from edge_rnnt.inputs.batching import Batch
from edge_rnnt.prune import schedule, transform
from edge_rnnt.train import optimizer, rates
from edge_rnnt.train.objective import Objective
from edge_rnnt.train.state import TrainState, create
from edge_rnnt.train.step import TrainStep, make_update


class Line:
  """labels [B, 1] are 3 times the sum of features [B, 1, 8], learned by an 8 x 4 kernel."""

  def __init__(self, steps: int = 40):
    rise = schedule.cubic(5, 25, 0.5)
    link = transform.gradual(rise, block=(2, 1), every=5)
    rate = rates.warmup_cosine(0.05, warmup_steps=3, total_steps=steps)
    self.optimizer = optimizer.adamw(rate, prune=link)
    self.first = self.make_step(1.0)
    self.second = self.make_step(0.5)

  def make_step(self, weight: float, **options) -> TrainStep:
    def counts(features, *others):
      return {"rows": jnp.asarray(len(features))}

    def shares(params, counts, features, frame_lengths, labels, label_lengths, alignment):
      del frame_lengths, label_lengths, alignment
      heard = features[:, 0] @ params["model"]["layer_0"]["kernel"]
      loss = weight * jnp.sum((heard.sum(-1) - labels[:, 0]) ** 2) / counts["rows"]
      return loss, {"loss": loss}

    return make_update(Objective(counts, shares), self.optimizer, ema_decay=0.9, **options)

  def state(self, seed: int = 0) -> TrainState:
    params = {"model": {"layer_0": {"kernel": jax.random.normal(jax.random.key(seed), (8, 4))}}}
    return create(params, self.optimizer, jax.random.key(7), ema=True)

  def digest(self, state: TrainState) -> str:
    """Of every bit of it."""
    leaves = jax.tree.leaves(state.replace(rng=jax.random.key_data(state.rng)))
    return hashlib.sha256(b"".join(np.asarray(leaf).tobytes() for leaf in leaves)).hexdigest()

  def batches(self, start: int, *, spoiled: int | None = None):
    """Batch i is a function of i; number `spoiled` holds a nan."""
    i = start
    while True:
      features = np.random.default_rng(i).normal(size=(8, 1, 8)).astype(np.float32)
      labels = np.round(3 * features.sum((1, 2), keepdims=True)[:, 0]).astype(np.int32)
      if i == spoiled:
        features[3] = np.nan
      ones = np.ones(8, np.int32)
      ids = [f"utterance-{i}-{row}" for row in range(8)]
      yield Batch(features, ones, labels, ones, ids, np.full((8, 1), UNKNOWN, np.int32))
      i += 1


@pytest.fixture(scope="session")
def line() -> Line:
  return Line()
