"""Best alignment, posteriors and expected frames, against all alignments of small lattices."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.loss.alignment import best_alignment, expected_emission_frame
from edge_rnnt.loss.diagonals import Edges
from edge_rnnt.loss.lattice import posteriors

LENGTHS = [(5, 3), (5, 0), (3, 2), (1, 3), (4, 1)]


@pytest.fixture(scope="module")
def lattice():
  """Edges, and of each utterance all alignments (frames of the labels) with their scores."""
  rng = np.random.default_rng(1)
  blank, label = -3 * rng.random((2, len(LENGTHS), 5, 4))
  everything = []
  for b, (frames, count) in enumerate(LENGTHS):
    emitted = list(itertools.combinations_with_replacement(range(frames), count))
    scores = [
      sum(label[b, t, u] for u, t in enumerate(e))
      + sum(blank[b, t, sum(f <= t for f in e)] for t in range(frames))
      for e in emitted
    ]
    everything.append((np.array(emitted).reshape(len(emitted), count), np.array(scores)))
  edges = Edges(jnp.asarray(blank, jnp.float32), jnp.asarray(label, jnp.float32))
  return edges, *(jnp.array(x) for x in zip(*LENGTHS, strict=True)), everything


def test_best_alignment_is_the_best_of_all(lattice):
  *inputs, everything = lattice
  score, frames = jax.jit(best_alignment)(*inputs)
  for b, (emitted, scores) in enumerate(everything):
    count = emitted.shape[1]
    np.testing.assert_allclose(score[b], scores.max(), rtol=1e-6)
    np.testing.assert_array_equal(frames[b, :count], emitted[scores.argmax()])
    np.testing.assert_array_equal(frames[b, count:], -1)


def test_expected_frame_and_posteriors_are_those_of_all(lattice):
  *inputs, everything = lattice
  loss, taken = jax.jit(posteriors)(*inputs)
  expected = jax.jit(expected_emission_frame)(*inputs)
  for b, (emitted, scores) in enumerate(everything):
    weight = np.exp(scores - np.logaddexp.reduce(scores))
    count = emitted.shape[1]
    np.testing.assert_allclose(loss[b], -np.logaddexp.reduce(scores), rtol=1e-6)
    np.testing.assert_allclose(expected[b, :count], weight @ emitted, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(expected[b, count:], 0)
    for t, u in itertools.product(range(5), range(count)):
      np.testing.assert_allclose(taken.label[b, t, u], weight @ (emitted[:, u] == t), atol=1e-6)
    frames = inputs[1][b]
    np.testing.assert_allclose(taken.blank[b].sum(-1), np.arange(5) < frames, atol=1e-6)
