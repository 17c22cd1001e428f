"""Our train step, without pruning, average and the CTC head."""

import time

import jax
import jax.numpy as jnp
import numpy as np

from edge_rnnt import trees
from edge_rnnt.inputs.alignment import UNKNOWN
from edge_rnnt.model.rnnt import RNNT, init
from edge_rnnt.train import optimizer, state, step
from experiments.benchmarks.train_problem import Arrays, TrainProblem, weights_of
from experiments.benchmarks.train_settings import CLIP_NORM, MATMUL_SIZE, RATE, WEIGHT_DECAY


class EdgeRnnt:
  """`update` is one step, to its end."""

  def __init__(self, problem: TrainProblem, arrays: Arrays):
    model = RNNT(problem.config)
    chain = optimizer.adamw(RATE, clip_norm=CLIP_NORM, weight_decay=WEIGHT_DECAY)
    self._step = step.make_train_step(model, chain, transducer_weight=1.0, ctc_weight=0.0)
    weights, key = weights_of(arrays), jax.random.key(0)
    shapes = jax.eval_shape(lambda: init(problem.config, key))
    params = trees.map_paths(lambda path, _: jnp.asarray(weights[path]), shapes)
    self._state = state.create(params, chain, key)
    names = "features", "frame_lengths", "labels", "label_lengths"
    self._batch = [jnp.asarray(arrays[name]) for name in names]
    self._batch.append(jnp.full(arrays["features"].shape[:2], UNKNOWN))
    self.parameters = sum(leaf.size for leaf in jax.tree.leaves(params))
    factors = np.ones((2, MATMUL_SIZE, MATMUL_SIZE), np.float32)
    self._factors = [jnp.asarray(factor) for factor in factors]
    self._matmul = jax.jit(jnp.matmul)
    self.matmul()  # compiled

  def update(self) -> tuple[float, float]:
    """(loss, gradient norm before clipping)."""
    self._state, metrics = self._step(self._state, *self._batch)
    jax.block_until_ready(self._state.params)
    return float(metrics["loss"]), float(metrics["grad_norm"])

  def matmul(self) -> float:
    """Seconds of a large product."""
    begin = time.perf_counter()
    jax.block_until_ready(self._matmul(*self._factors))
    return time.perf_counter() - begin
