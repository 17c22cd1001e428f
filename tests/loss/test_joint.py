"""The chunked joint loss equals the loss of the logits it never makes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.loss.joint import joint_transducer_loss
from edge_rnnt.loss.transducer import transducer_loss

BLANK = 10


def joint_fn(params, encoded, predicted):
  return jnp.tanh(encoded + predicted + params["bias"]) @ params["kernel"]


def problem(seed, batch=4, frames=19, labels=6, width=5, vocab=11):
  rng = np.random.default_rng(seed)
  draw = lambda *shape: jnp.asarray(rng.normal(size=shape), jnp.float32)  # noqa: E731
  params = {"kernel": draw(width, vocab), "bias": draw(width)}
  inputs = draw(batch, frames, width), draw(batch, labels + 1, width)
  return params, *inputs, jnp.asarray(rng.integers(0, BLANK, (batch, labels)))


def through_logits(params, encoded, predicted, labels, *lengths, **options):
  logits = joint_fn(params, encoded[:, :, None], predicted[:, None])
  return transducer_loss(logits, labels, *lengths, blank=BLANK, **options)


def chunked(params, encoded, predicted, labels, *lengths, **options):
  return joint_transducer_loss(
    joint_fn, params, encoded, predicted, labels, *lengths, blank=BLANK, **options
  )


def gradients(loss, arguments, weights, **options):
  objective = lambda *inputs: jnp.vdot(weights, loss(*inputs, *arguments[3:], **options))  # noqa: E731
  return jax.jit(jax.value_and_grad(objective, (0, 1, 2)))(*arguments[:3])


LENGTHS = [
  ([19, 19, 19, 19], [6, 6, 6, 6]),
  ([19, 7, 1, 12], [6, 2, 0, 5]),
  ([3, 0, 19, 8], [6, 0, 0, 1]),
]


@pytest.mark.parametrize("frame_lengths, label_lengths", LENGTHS)
@pytest.mark.parametrize("chunk_nodes", [1, 100, 10_000])
def test_equals_the_loss_of_all_logits(frame_lengths, label_lengths, chunk_nodes):
  arguments = *problem(0), jnp.array(frame_lengths), jnp.array(label_lengths)
  weights = jnp.array([1.0, -0.5, 0.25, 2.0])
  expected = gradients(through_logits, arguments, weights)
  got = gradients(chunked, arguments, weights, chunk_nodes=chunk_nodes)
  jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=2e-6, atol=2e-5), got, expected)


def test_padding_may_hold_nan():
  params, encoded, predicted, labels = problem(1)
  lengths = jnp.array([19, 7, 1, 12]), jnp.array([6, 2, 0, 5])
  t, u = jnp.arange(19)[:, None], jnp.arange(7)[:, None]
  dirty = (
    jnp.where(t < lengths[0][:, None, None], encoded, jnp.nan),
    jnp.where(u <= lengths[1][:, None, None], predicted, jnp.inf),
  )
  weights = jnp.ones(4)
  expected = gradients(chunked, (params, encoded, predicted, labels, *lengths), weights)
  got = gradients(chunked, (params, *dirty, labels, *lengths), weights)
  jax.tree.map(np.testing.assert_array_equal, got, expected)


@pytest.mark.parametrize(
  "options",
  [{"fastemit": 0.3}, {"clamp": 0.05}, {"delay_penalty": 0.1}, {"zero_infinity": True}],
  ids=lambda options: next(iter(options)),
)
def test_options_mean_the_same(options):
  arguments = *problem(2), jnp.array([19, 7, 1, 12]), jnp.array([6, 2, 0, 5])
  weights = jnp.array([1.0, -0.5, 0.25, 2.0])
  expected = gradients(through_logits, arguments, weights, **options)
  got = gradients(chunked, arguments, weights, **options)
  jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=2e-6, atol=2e-5), got, expected)
