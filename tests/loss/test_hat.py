"""The hybrid autoregressive transducer, by its definition."""

import jax
import jax.numpy as jnp
import numpy as np

from edge_rnnt.loss.hat import hat_transducer_loss, internal_lm_score
from edge_rnnt.loss.transducer import transducer_loss

BLANK = 2


def problem():
  rng = np.random.default_rng(0)
  logits = jnp.asarray(2 * rng.normal(size=(3, 5, 4, 6)), jnp.float32)
  labels = jnp.asarray(rng.choice([0, 1, 3, 4, 5], (3, 3)))
  return logits, labels, jnp.array([5, 3, 1]), jnp.array([3, 0, 2])


def log_probabilities(logits):
  """P(blank) = sigmoid, the labels share the rest: again logits, whose softmax is themselves."""
  labels = jnp.where(jnp.arange(6) == BLANK, -jnp.inf, logits)
  log_p = jax.nn.log_softmax(labels) + jax.nn.log_sigmoid(-logits[..., BLANK, None])
  blank = jax.nn.log_sigmoid(logits[..., BLANK, None])
  return jnp.where(jnp.arange(6) == BLANK, blank, log_p)


def test_loss_and_gradient_are_those_of_the_factorization():
  logits, *rest = problem()
  weights = jnp.array([1.0, -2.0, 0.5])
  softmax = lambda x: transducer_loss(log_probabilities(x), *rest, blank=BLANK)  # noqa: E731
  hat = lambda x: hat_transducer_loss(x, *rest, blank=BLANK)  # noqa: E731
  (expected, d), (got, gradient) = (
    jax.jit(jax.value_and_grad(lambda x, f=f: jnp.vdot(weights, f(x))))(logits)
    for f in (softmax, hat)
  )
  np.testing.assert_allclose(got, expected, rtol=1e-6)
  np.testing.assert_allclose(gradient, d, atol=2e-6)


def test_padding_may_hold_nan():
  logits, labels, frames, counts = problem()
  inside = (jnp.arange(5)[:, None] < frames[:, None, None]) & (
    jnp.arange(4) <= counts[:, None, None]
  )
  dirty = jnp.where(inside[..., None], logits, jnp.nan)
  objective = lambda x: hat_transducer_loss(x, labels, frames, counts, blank=BLANK).sum()  # noqa: E731
  expected, got = (jax.jit(jax.value_and_grad(objective))(x) for x in (logits, dirty))
  jax.tree.map(np.testing.assert_array_equal, got, expected)


def test_internal_score_is_the_label_softmax_of_the_predictor():
  logits, labels, _, counts = problem()
  score = internal_lm_score(logits[:, 0], labels, counts, blank=BLANK)
  for b in range(3):
    without_blank = np.delete(np.asarray(logits[b, 0]), BLANK, axis=-1)
    log_p = np.asarray(jax.nn.log_softmax(without_blank))
    place = np.asarray(labels[b]) - (np.asarray(labels[b]) > BLANK)
    expected = sum(log_p[u, place[u]] for u in range(counts[b]))
    np.testing.assert_allclose(score[b], expected, rtol=1e-5, atol=1e-6)
