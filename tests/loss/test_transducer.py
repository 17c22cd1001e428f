"""The loss of given logits: closed forms, enumeration, published vectors, padding."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.loss import reference
from edge_rnnt.loss.transducer import transducer_loss

BLANK = 4


def random_problem(seed, batch=3, frames=6, labels=4, vocab=5, scale=1.0):
  rng = np.random.default_rng(seed)
  logits = scale * rng.normal(size=(batch, frames, labels + 1, vocab))
  return logits.astype(np.float32), rng.integers(0, vocab - 1, (batch, labels))


def value_and_gradient(logits, labels, frame_lengths, label_lengths, *, weights=None, **options):
  weights = np.ones(len(labels)) if weights is None else weights

  @jax.jit
  def objective(logits):
    loss = transducer_loss(
      logits, jnp.asarray(labels), jnp.asarray(frame_lengths), jnp.asarray(label_lengths), **options
    )
    return jnp.sum(loss * weights.astype(loss.dtype)), loss

  (_, loss), gradient = jax.value_and_grad(objective, has_aux=True)(jnp.asarray(logits))
  return np.asarray(loss), np.asarray(gradient)


@pytest.mark.parametrize("frames", [1, 2, 3, 4])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
def test_equals_enumeration_of_all_alignments(frames, count):
  logits, labels = random_problem(frames * 10 + count, 2, frames, count)
  loss, _ = value_and_gradient(logits, labels, np.full(2, frames), np.full(2, count), blank=BLANK)
  expected = [
    reference.loss_by_enumeration(x, y, blank=BLANK) for x, y in zip(logits, labels, strict=True)
  ]
  np.testing.assert_allclose(loss, expected, rtol=2e-6)


def test_every_pair_of_lengths_in_one_batch():
  lengths = np.array(list(itertools.product(range(1, 5), range(5))))
  logits, labels = random_problem(0, len(lengths), 4, 4)
  loss, gradient = value_and_gradient(logits, labels, *lengths.T, blank=BLANK)
  for b, (t, u) in enumerate(lengths):
    expected, d = reference.loss_and_gradient(logits[b, :t, : u + 1], labels[b, :u], blank=BLANK)
    by_enumeration = reference.loss_by_enumeration(
      logits[b, :t, : u + 1], labels[b, :u], blank=BLANK
    )
    np.testing.assert_allclose([loss[b], by_enumeration], expected, rtol=2e-6)
    np.testing.assert_allclose(gradient[b, :t, : u + 1], d, atol=1e-6)
    assert np.all(gradient[b, t:] == 0) and np.all(gradient[b, :, u + 1 :] == 0)


@pytest.mark.parametrize("frames, count", [(1, 3), (5, 0), (7, 4), (2, 6)])
def test_uniform_logits_count_the_alignments(frames, count):
  _, labels = random_problem(0, 1, frames, count)
  loss, _ = value_and_gradient(
    np.zeros((1, frames, count + 1, 5), np.float32), labels, [frames], [count], blank=BLANK
  )
  paths = math.comb(frames - 1 + count, count)
  np.testing.assert_allclose(loss, (frames + count) * math.log(5) - math.log(paths), rtol=1e-6)


# Published with warp-transducer (tests/test_cpu.cpp), torchaudio (rnnt/utils.py) and NeMo.
SMALL = np.array(
  [
    [[0.1, 0.6, 0.1, 0.1, 0.1], [0.1, 0.1, 0.6, 0.1, 0.1], [0.1, 0.1, 0.2, 0.8, 0.1]],
    [[0.1, 0.6, 0.1, 0.1, 0.1], [0.1, 0.1, 0.2, 0.1, 0.1], [0.7, 0.1, 0.2, 0.1, 0.1]],
  ],
  np.float32,
)[None]


def test_published_vector_blank_first():
  loss, gradient = value_and_gradient(SMALL, np.array([[1, 2]]), [2], [2], blank=0)
  np.testing.assert_allclose(loss, 4.495666, rtol=1e-6)
  expected = [-0.13116688, -0.3999269, 0.17703125, 0.17703125, 0.17703125]
  np.testing.assert_allclose(gradient[0, 0, 0], expected, atol=1e-6)


def test_published_vector_blank_last():
  loss, gradient = value_and_gradient(SMALL, np.array([[1, 2]]), [2], [2], blank=4)
  np.testing.assert_allclose(loss, 5.09566688538, rtol=1e-6)
  expected = [0.30741188, 0.16871123, 0.18645471, 0.16871123, -0.83128875]
  np.testing.assert_allclose(gradient[0, 1, 2], expected, atol=1e-6)


def test_padding_may_hold_anything():
  logits, labels = random_problem(1, 4, 6, 4)
  lengths = np.array([6, 3, 1, 0]), np.array([4, 2, 0, 0])
  clean = value_and_gradient(logits, labels, *lengths, blank=BLANK)
  dirty, wild = logits.copy(), labels.copy()
  for b, (t, u) in enumerate(zip(*lengths, strict=True)):
    dirty[b, t:] = [np.nan, np.inf, -np.inf, 500][b]
    dirty[b, :, u + 1 :] = [np.inf, np.nan, -np.inf, np.nan][b]
    wild[b, u:] = [-1, 99, BLANK, -(2**31)][b]
  for expected, got in zip(
    clean, value_and_gradient(dirty, wild, *lengths, blank=BLANK), strict=True
  ):
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-7)
