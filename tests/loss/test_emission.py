"""The pressures on when labels are emitted, against what their definitions say."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.loss.alignment import expected_emission_frame
from edge_rnnt.loss.emission import lattice_loss, penalize_delay, restrict
from edge_rnnt.loss.lattice import posteriors
from edge_rnnt.loss.transducer import transducer_edges, transducer_loss

BLANK = 4
T, U = 6, 3


@pytest.fixture(scope="module")
def problem():
  rng = np.random.default_rng(0)
  logits = jnp.asarray(rng.normal(size=(2, T, U + 1, 5)), jnp.float32)
  labels = jnp.asarray(rng.integers(0, BLANK, (2, U)))
  return logits, labels, jnp.array([T, 4]), jnp.array([U, 2])


def loss_by_enumeration(logits, labels, frames, count, *, allowed=None, penalty=0.0):
  """Over all increasing sequences of frames, one per label; each frame ends with its blank."""
  log_p = np.asarray(jax.nn.log_softmax(logits), np.float64)
  scores = []
  for emitted in itertools.combinations_with_replacement(range(frames), count):
    if allowed and not all(first <= t <= last for t, (first, last) in zip(emitted, allowed)):  # noqa: B905
      continue
    score = sum(log_p[t, u, labels[u]] for u, t in enumerate(emitted))
    score += sum(log_p[t, sum(e <= t for e in emitted), BLANK] for t in range(frames))
    scores.append(score + penalty * sum((frames - 1) / 2 - t for t in emitted))
  return -np.logaddexp.reduce(scores)


def test_fastemit_scales_the_gradient_through_labels_alone(problem):
  """Value: unchanged. Gradient: (1 + lambda) times that of the label edges, once that of blanks."""
  logits, labels, *lengths = problem
  loss = functools.partial(transducer_loss, labels=labels, blank=BLANK)
  lengths = dict(frame_lengths=lengths[0], label_lengths=lengths[1])

  def surrogate(logits):
    edges = transducer_edges(logits, labels, lengths["label_lengths"], blank=BLANK)
    _, taken = jax.lax.stop_gradient(posteriors(edges, **lengths))
    inside = taken.blank + taken.label > 0
    parts = taken.blank * edges.blank + 1.3 * taken.label * edges.label
    return -jnp.sum(jnp.where(inside, parts, 0.0))

  faster = jax.jit(jax.value_and_grad(lambda x: loss(x, **lengths, fastemit=0.3).sum()))
  value, gradient = faster(logits)
  np.testing.assert_allclose(value, jax.jit(loss)(logits, **lengths).sum(), rtol=1e-6)
  np.testing.assert_allclose(gradient, jax.jit(jax.grad(surrogate))(logits), atol=1e-6)


def test_delay_penalty_equals_enumeration(problem):
  logits, labels, *lengths = problem
  loss = transducer_loss(logits, labels, *lengths, blank=BLANK, delay_penalty=0.2)
  expected = [
    loss_by_enumeration(logits[b], labels[b], t, u, penalty=0.2)
    for b, (t, u) in enumerate([(T, U), (4, 2)])
  ]
  np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_delay_penalty_moves_labels_forward(problem):
  logits, labels, *lengths = problem
  edges = transducer_edges(logits, labels, lengths[1], blank=BLANK)
  early = penalize_delay(edges, lengths[0], 1.0)
  frame, earlier = (expected_emission_frame(e, *lengths) for e in (edges, early))
  real = np.arange(U) < np.asarray(lengths[1])[:, None]
  assert np.all(np.asarray(earlier < frame)[real])


def test_restriction_equals_enumeration_and_silences_the_rest(problem):
  logits, labels, *lengths = problem
  window = jnp.array([[1, 1, 3], [0, 2, 0]]), jnp.array([[2, 4, 4], [1, 3, 0]])
  loss = transducer_loss(logits, labels, *lengths, blank=BLANK, emission_window=window)
  allowed = [list(zip(*(np.asarray(w[b]) for w in window), strict=True)) for b in range(2)]
  expected = [
    loss_by_enumeration(logits[b], labels[b], t, u, allowed=allowed[b])
    for b, (t, u) in enumerate([(T, U), (4, 2)])
  ]
  np.testing.assert_allclose(loss, expected, rtol=1e-5)
  edges = restrict(transducer_edges(logits, labels, lengths[1], blank=BLANK), window)
  _, taken = posteriors(edges, *lengths)
  t = np.arange(T)[:, None]
  outside = (t < np.asarray(window[0])[:, None]) | (t > np.asarray(window[1])[:, None])
  assert np.all(np.asarray(taken.label[..., :-1])[outside] == 0)


def test_a_window_nobody_fits_is_infinite_or_zero(problem):
  logits, labels, *lengths = problem
  edges = transducer_edges(logits, labels, lengths[1], blank=BLANK)
  never = jnp.full((2, U), 5), jnp.full((2, U), 3)
  assert np.all(np.isposinf(lattice_loss(edges, *lengths, emission_window=never)))
  zero = lattice_loss(edges, *lengths, emission_window=never, zero_infinity=True)
  np.testing.assert_array_equal(zero, 0)
