"""Counted sizes against the zeros that are really there."""

import jax
import numpy as np
import pytest

from edge_rnnt import trees
from edge_rnnt.evaluate.size import size
from edge_rnnt.model.rnnt import RNNTConfig, init
from edge_rnnt.prune.schedule import constant
from edge_rnnt.prune.transform import gradual
from edge_rnnt.train import state
from edge_rnnt.train.optimizer import adamw

CONFIG = RNNTConfig(
  feature_dim=12, vocab_size=5, encoder_layers=2, encoder_cells=8, encoder_projection=6,
  time_reduction_after=1, embedding_dim=4, prediction_layers=1, prediction_cells=8,
  prediction_projection=None, joint_dim=6, ctc=True, simple=True,
)  # fmt: skip


def made(prune) -> state.TrainState:
  return state.create(init(CONFIG, jax.random.key(0)), adamw(1e-3, prune=prune), jax.random.key(1))


@pytest.mark.parametrize("block", [(8, 1), (5, 3)])
def test_nonzero_are_the_parameters_that_are_not_zeroed(block):
  pruned = made(gradual(constant(0.5), block=block))
  found = size(pruned)
  masked = trees.flatten(jax.device_get(jax.jit(state.inference_params)(pruned)))
  dense = trees.flatten(jax.device_get(pruned.params))
  exported = [path for path in dense if not path.startswith(("ctc/", "simple/"))]
  zeroed = sum(int(np.sum((masked[p] == 0) & (dense[p] != 0))) for p in exported)
  kernels = sum(dense[p].size for p in exported if p.endswith("/kernel"))
  assert found.params == sum(dense[p].size for p in exported)
  assert found.nonzero == found.params - zeroed
  assert found.sparsity == zeroed / kernels
  assert 0.4 < found.sparsity < 0.6


def test_dense_without_pruning():
  dense = size(made(None))
  assert dense.nonzero == dense.params and dense.sparsity == 0.0
  without = RNNTConfig.from_json(CONFIG.to_json() | {"ctc": False, "simple": False})
  assert dense.params == sum(
    leaf.size for leaf in jax.tree.leaves(init(without, jax.random.key(0)))
  )
