"""The paths of one platform and of another give the same numbers, and both are autodiff's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.loss import softmax
from edge_rnnt.loss.diagonals import Edges


def problem():
  rng = np.random.default_rng(0)
  logits = jnp.asarray(rng.normal(size=(3, 4, 5, 7)), jnp.float32)
  labels = jnp.asarray(rng.integers(0, 7, (3, 1, 5)))
  return logits, labels, Edges(*jnp.asarray(rng.normal(size=(2, 3, 4, 5)), jnp.float32))


@pytest.mark.parametrize("path", [softmax._gradient_by_scatter, softmax._gradient_by_select])
def test_each_path_is_the_gradient_by_autodiff(path):
  logits, labels, cotangent = problem()

  def plain(logits):
    log_p = jax.nn.log_softmax(logits)
    at_label = jnp.take_along_axis(log_p, labels[..., None], axis=-1)[..., 0]
    return jnp.vdot(log_p[..., 2], cotangent.blank) + jnp.vdot(at_label, cotangent.label)

  log_z = softmax.log_normalizer(logits)
  got = path(logits, log_z, jnp.broadcast_to(labels, log_z.shape), cotangent, blank=2)
  np.testing.assert_allclose(got, jax.grad(plain)(logits), atol=1e-6)


@pytest.mark.parametrize("scale", [1, 30, 1000])
def test_one_pass_equals_two_at_any_size(scale):
  logits = scale * problem()[0]
  expected = jax.nn.logsumexp(logits, axis=-1)
  np.testing.assert_allclose(softmax._one_pass(logits), expected, rtol=1e-6, atol=1e-6)
