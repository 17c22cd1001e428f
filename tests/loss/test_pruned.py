"""The simple loss, the windows that it suggests, and the joint loss inside them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.loss import band
from edge_rnnt.loss.diagonals import Edges
from edge_rnnt.loss.joint import joint_transducer_loss
from edge_rnnt.loss.lattice import negative_log_likelihood, posteriors
from edge_rnnt.loss.pruned import pruned_transducer_loss, smallest_window, warm_up
from edge_rnnt.loss.simple import simple_edges
from edge_rnnt.loss.splitlog import IMPOSSIBLE
from edge_rnnt.loss.transducer import transducer_edges, transducer_loss

BLANK = 6


def joint_fn(params, encoded, predicted):
  return jnp.tanh(encoded + predicted) @ params


@pytest.fixture(scope="module")
def problem():
  rng = np.random.default_rng(0)
  draw = lambda *shape: jnp.asarray(rng.normal(size=shape), jnp.float32)  # noqa: E731
  rows = draw(5, 7), draw(3, 12, 5), draw(3, 6, 5), draw(3, 12, 7), draw(3, 6, 7)
  labels = jnp.asarray(rng.integers(0, BLANK, (3, 5)))
  return *rows, labels, jnp.array([12, 7, 5]), jnp.array([5, 0, 4])


@jax.jit
def simple_both_ways(am, lm, labels, *lengths):
  padded = jnp.pad(labels, ((0, 0), (0, 1)))

  def simple(am, lm):
    edges = simple_edges(am, lm, padded, *lengths, blank=BLANK)
    return negative_log_likelihood(edges, *lengths).sum()

  def full(am, lm):
    return transducer_loss(am[:, :, None] + lm[:, None], labels, *lengths, blank=BLANK).sum()

  return tuple(jax.value_and_grad(f, (0, 1))(am, lm) for f in (simple, full))


def test_simple_is_the_transducer_of_a_sum(problem):
  got, expected = simple_both_ways(*problem[3:])
  jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5), got, expected)


def test_smoothing_mixes_in_each_part_alone(problem):
  am, lm, labels = (np.asarray(x, np.float64) for x in problem[3:6])
  labels = np.pad(labels, ((0, 0), (0, 1))).astype(int)
  full = jnp.full(3, 12), jnp.full(3, 5)
  given = *problem[3:5], jnp.asarray(labels), *full
  got = jax.jit(functools.partial(simple_edges, blank=BLANK, lm_only=0.25, am_only=0.1))(*given)
  log_softmax = lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True))  # noqa: E731
  unigram = np.exp(log_softmax(lm)).mean((0, 1))
  mixed = (
    0.65 * log_softmax(am[:, :, None] + lm[:, None])
    + 0.25 * log_softmax(lm)[:, None]
    + 0.1 * log_softmax(am + np.log(unigram))[:, :, None]
  )
  np.testing.assert_allclose(got.blank, mixed[..., BLANK], rtol=1e-5)
  at_label = np.take_along_axis(mixed, labels[:, None, :, None], axis=-1)[..., 0]
  np.testing.assert_allclose(got.label, at_label, rtol=1e-5)


@jax.jit
def both_losses(params, encoded, predicted, *rest):
  def pruned(*rows, window):
    return pruned_transducer_loss(joint_fn, *rows, *rest, blank=BLANK, window=window).pruned.sum()

  def full(*rows):
    return joint_transducer_loss(joint_fn, *rows, *rest[2:], blank=BLANK).sum()

  rows = params, encoded, predicted
  narrow = jax.value_and_grad(lambda *rows: pruned(*rows, window=3), (0, 1, 2))(*rows)
  wide = jax.value_and_grad(lambda *rows: pruned(*rows, window=9), (0, 1, 2))(*rows)
  return narrow, wide, jax.value_and_grad(full, (0, 1, 2))(*rows)


def test_windows_of_all_labels_give_the_full_loss_and_narrow_ones_less_likelihood(problem):
  narrow, wide, full = both_losses(*problem)
  jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=2e-5), wide, full)
  assert np.isfinite(narrow[0]) and narrow[0] > full[0]


def test_padding_may_hold_nan(problem):
  params, *rows, labels, frame_lengths, label_lengths = problem
  t, u = jnp.arange(12)[:, None], jnp.arange(6)[:, None]
  real = (t < frame_lengths[:, None, None]), (u <= label_lengths[:, None, None])
  spoiled = [jnp.where(real[k % 2], x, jnp.nan) for k, x in enumerate(rows)]

  @jax.jit
  @functools.partial(jax.value_and_grad, argnums=(0, 1, 2, 3, 4))
  def both(*given):
    return sum(pruned_transducer_loss(joint_fn, *given, *rest, blank=BLANK, window=3)).sum()

  rest = labels, frame_lengths, label_lengths
  clean, got = both(params, *rows), both(params, *spoiled)
  jax.tree.map(np.testing.assert_array_equal, clean, got)


@jax.jit
def by_masking(params, encoded, predicted, am, lm, labels, *lengths):
  """From logits of all nodes, whose edges outside of the same windows are made impossible."""
  padded = jnp.pad(labels, ((0, 0), (0, 1)))
  u = jnp.arange(6)
  simple = simple_edges(am, lm, padded, *lengths, blank=BLANK, lm_only=0.25)
  start = band.window_starts(posteriors(simple, *lengths)[1], *lengths, 3)
  inside = (u >= start[..., None]) & (u < start[..., None] + 3)

  def loss(params, encoded, predicted):
    logits = joint_fn(params, encoded[:, :, None], predicted[:, None])
    edges = transducer_edges(logits, labels, lengths[1], blank=BLANK)
    edges = Edges(*(jnp.where(inside, x, IMPOSSIBLE) for x in edges))
    return negative_log_likelihood(edges, *lengths).sum()

  return jax.value_and_grad(loss, (0, 1, 2))(params, encoded, predicted)


def test_pruned_loss_is_that_of_the_masked_lattice(problem):
  narrow, _, _ = both_losses(*problem)
  jax.tree.map(
    lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=2e-5),
    narrow,
    by_masking(*problem),
  )


@pytest.mark.parametrize("size", [2, 3, 5])
def test_windows_are_monotone_reachable_and_inside(size):
  """Whatever the posteriors say, an alignment fits."""
  starts = jax.jit(band.window_starts, static_argnums=3)
  for seed in range(20):
    rng = np.random.default_rng(seed)
    frames = rng.integers(10, 15, 4)
    counts = np.minimum(rng.integers(0, 14, 4), (size - 1) * frames)
    taken = Edges(*jnp.asarray(rng.random((2, 4, 14, 14)), jnp.float32))
    start = np.asarray(starts(taken, jnp.asarray(frames), jnp.asarray(counts), size))
    assert np.all(start[:, 0] == 0)
    for b in range(4):
      rise = np.diff(start[b, : frames[b]])
      assert np.all((rise >= 0) & (rise <= size - 1))
      assert start[b, frames[b] - 1] <= counts[b] <= start[b, frames[b] - 1] + size - 1
      assert start[b].max() + size <= 14


def test_windows_follow_a_sure_alignment():
  """Labels emitted in frames 2, 3 and 6: the windows hold the nodes in which those frames end."""
  ends = np.array([0, 0, 1, 2, 2, 2, 3, 3])
  blank = np.zeros((1, 8, 4), np.float32)
  blank[0, np.arange(8), ends] = 1
  label = np.zeros((1, 8, 4), np.float32)
  label[0, [2, 3, 6], [0, 1, 2]] = 1
  taken = Edges(jnp.asarray(blank), jnp.asarray(label))
  start = np.asarray(band.window_starts(taken, jnp.array([8]), jnp.array([3]), 2))[0]
  assert np.all((start <= ends) & (ends <= start + 1))


def test_a_window_too_small_is_named(problem):
  rows, labels = problem[:5], problem[5]
  lengths = jnp.array([12, 7, 2]), jnp.array([5, 0, 4])
  with pytest.raises(ValueError, match=r"window is 2: utterance 2 has 4 labels in 2 frames.* of 3"):
    pruned_transducer_loss(joint_fn, *rows, labels, *lengths, blank=BLANK, window=2)
  with pytest.raises(ValueError, match="window is 1"):
    pruned_transducer_loss(joint_fn, *rows, labels, *lengths, blank=BLANK, window=1)
  assert smallest_window(2, 4) == 3 and smallest_window(3, 4) == 3 and smallest_window(4, 4) == 2


def test_warm_up_hands_over_from_simple_to_pruned():
  np.testing.assert_allclose(
    [warm_up(s, 10) for s in (0, 5, 10, 99)], [(1, 0.1), (0.75, 0.55), (0.5, 1), (0.5, 1)]
  )
