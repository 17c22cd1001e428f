"""The loss benchmark on a problem small enough for a test, and its truth against ours."""

import numpy as np
import pytest

from experiments.benchmarks import loss_in_jax, loss_peers
from experiments.benchmarks.loss_problem import PROBLEMS, LossProblem, draw, true_gradient

OURS = {
  "logits": (loss_in_jax.EdgeRnnt, loss_in_jax.EdgeRnntDonated),
  "joint": (loss_in_jax.EdgeRnntJoint, loss_in_jax.EdgeRnntMaterialized),
}


@pytest.mark.parametrize("kind", OURS)
def test_our_gradients_are_the_float64_ones(kind):
  problem = LossProblem(kind, (3, 9, 5, 7, 4)[: 4 if kind == "logits" else 5], ragged=True)
  arrays = draw(problem)
  truth = true_gradient(problem, arrays)
  for build in OURS[kind]:
    implementation = build(problem, arrays)
    for _ in range(2):  # the second run of donated logits needs fresh ones
      implementation.prepare()
      implementation.run()
    got = implementation.gradient()
    assert got.keys() == truth.keys()
    for name in truth:
      np.testing.assert_allclose(got[name], truth[name], atol=5e-6)


def test_every_implementation_is_named_as_installed_or_missing():
  for kind, implementations in loss_peers.IMPLEMENTATIONS.items():
    assert set(implementations) <= set(loss_peers.installed(kind)) | set(loss_peers.missing())
  assert {problem.kind for problem in PROBLEMS.values()} == set(loss_peers.IMPLEMENTATIONS)
