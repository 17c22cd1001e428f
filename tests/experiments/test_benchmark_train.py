"""The training benchmark: its count of FLOPs, its rows, and the network in PyTorch beside ours."""

import importlib.util

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
import pytest
from jax.interpreters import partial_eval

from edge_rnnt.model.config import RNNTConfig
from edge_rnnt.model.rnnt import RNNT, init
from experiments.benchmarks import train, train_problem, train_worker

CONFIG = RNNTConfig(
  feature_dim=5, vocab_size=7, encoder_layers=3, encoder_cells=6, encoder_projection=4,
  time_reduction=2, time_reduction_after=2, embedding_dim=3, prediction_layers=1,
  prediction_cells=5, prediction_projection=4, joint_dim=8, layer_norm=False,
)  # fmt: skip
FULL = train_problem.TrainProblem(CONFIG, utterances=3, frames=8, labels=2, shortest=1.0)
RAGGED = train_problem.TrainProblem(CONFIG, utterances=4, frames=9, labels=4, shortest=0.5)


def products(jaxpr) -> int:
  """FLOPs of all matrix products of a program, loops included."""
  total = 0
  for equation in jaxpr.eqns:
    if equation.primitive.name == "dot_general":
      (contracted, _), _ = equation.params["dimension_numbers"]
      left, out = equation.invars[0].aval.shape, equation.outvars[0].aval.shape
      total += 2 * int(np.prod(out)) * int(np.prod([left[axis] for axis in contracted]))
    times = equation.params["length"] if equation.primitive.name == "scan" else 1
    total += times * sum(
      products(inner) for inner in jax.extend.core.jaxprs_in_params(equation.params)
    )
  return total


def test_flops_are_those_of_the_program():
  batch = train_problem.draw(FULL)
  params = init(CONFIG, jax.random.key(0))
  names = "features", "frame_lengths", "labels"
  given = [jnp.asarray(batch[name]) for name in names]

  def logits(params):
    return RNNT(CONFIG).apply({"params": params}, *given)

  forward = jax.make_jaxpr(logits)(params)
  assert products(forward.jaxpr) == train_problem.forward_flops(FULL)
  step = jax.make_jaxpr(jax.grad(lambda params: jnp.sum(jnp.sin(logits(params)))))(params).jaxpr
  needed, _ = partial_eval.dce_jaxpr(step, [True] * len(step.outvars))
  assert products(needed) == train_problem.step_flops(FULL)


def test_flops_by_hand_where_lengths_differ():
  np.testing.assert_array_equal(RAGGED.frame_lengths, [9, 8, 6, 4])
  np.testing.assert_array_equal(RAGGED.label_lengths, [4, 3, 3, 2])
  encoded, nodes, pairs = 5 + 4 + 3 + 2, 5 + 4 + 4 + 3, 5 * 5 + 4 * 4 + 3 * 4 + 2 * 3
  below = ((5 + 4) + (4 + 4)) * 24 + 2 * 24  # weights of both lower layers
  above = (8 + 4) * 24 + 24
  forward = 2 * (below * 2 * encoded + above * encoded + ((3 + 4) * 20 + 20) * nodes)
  forward += 2 * (4 * 8 * encoded + 4 * 8 * nodes + 8 * 7 * pairs)
  assert train_problem.forward_flops(RAGGED) == forward
  assert train_problem.step_flops(RAGGED) == 3 * forward - 2 * 5 * 24 * 2 * encoded


def test_rows():
  first = {"losses": [9.0, 8.0], "grad_norms": [2.0, 1.5], "parameters": 77}
  timed = [{"ms": ms, "cpu_ms": 2 * ms, "matmul_s": 0.5} for ms in (30.0, 10.0, 20.0)]
  slower = [{"ms": 40.0, "cpu_ms": 50.0, "matmul_s": 0.25}]
  answers = {"edge_rnnt": [first, *timed], "torch": [first, *slower]}
  ours, theirs = train.rows("full", FULL, 2, answers)
  assert (ours["ms"], ours["cpu_ms"], ours["steps_per_second"]) == (20.0, 40.0, 50.0)
  assert (ours["ratio"], ours["cpu_ratio"], theirs["ratio"]) == (0.5, 0.8, 1.0)
  peak = 2 * train.MATMUL_FLOPS * 2  # of the faster library, in a second
  assert ours["peak_gflops"] * 1e9 == peak
  assert ours["share_of_peak"] == pytest.approx(train_problem.step_flops(FULL) / 0.020 / peak)
  assert theirs["share_of_peak"] == pytest.approx(ours["share_of_peak"] / 2)
  alone = train.rows("full", FULL, 2, {"edge_rnnt": [first, *timed]})
  assert alone[0]["ratio"] is None and "nan" in train.table(alone)
  for key, other in {"losses": [9.0, 8.1], "parameters": 78}.items():
    answers["torch"][0] = first | {key: other}
    with pytest.raises(RuntimeError, match="torch computes something else"):
      train.rows("full", FULL, 2, answers)


def test_ours_learns_and_tells_its_time():
  implementation = train_worker.build("edge_rnnt", RAGGED, train_problem.draw(RAGGED))
  first = train_worker.answer("first", implementation)
  assert first["losses"][0] > first["losses"][-1] > 0
  assert first["parameters"] == sum(
    leaf.size for leaf in jax.tree.leaves(init(CONFIG, jax.random.key(0)))
  )
  timed = train_worker.answer("time", implementation)
  assert timed["ms"] > 0 and timed["cpu_ms"] > 0 and timed["matmul_s"] > 0


@pytest.mark.skipif(
  importlib.util.find_spec("torchaudio") is None, reason="torchaudio is not installed: pip [peers]"
)
@pytest.mark.parametrize("problem", [FULL, RAGGED], ids=["full", "ragged"])
def test_the_network_in_pytorch_learns_the_same(problem):
  arrays = train_problem.draw(problem)
  answers = [
    (impl, train_worker.answer("first", train_worker.build(impl, problem, arrays)))
    for impl in train_worker.IMPLEMENTATIONS
  ]
  train.check(answers)
  losses = [first["losses"] for _, first in answers]
  assert losses[0] != losses[1]  # two libraries did compute them
