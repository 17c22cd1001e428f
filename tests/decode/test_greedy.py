"""Greedy search against its definition, one frame and one utterance at a time."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.decode.greedy import begin, greedy, search
from edge_rnnt.model.rnnt import RNNT, RNNTConfig

CONFIG = RNNTConfig(
  feature_dim=6,
  vocab_size=9,
  encoder_layers=2,
  encoder_cells=12,
  encoder_projection=8,
  time_reduction_after=1,
  embedding_dim=5,
  prediction_layers=1,
  prediction_cells=12,
  prediction_projection=8,
  joint_dim=16,
)
MODEL = RNNT(CONFIG)


@pytest.fixture(scope="module")
def params(talkative) -> dict:
  return talkative(CONFIG)


@partial(jax.jit, static_argnames="method")
def apply(params, *arguments, method):
  return MODEL.apply({"params": params}, *arguments, method=method)


@pytest.fixture(scope="module")
def batch() -> tuple[jax.Array, jax.Array]:
  frames = 2 * jax.random.normal(jax.random.key(5), (5, 41, 6))
  return frames, jnp.array([41, 30, 0, 7, 40], jnp.int32)


def by_definition(params, encoded, max_symbols) -> list[tuple[int, int]]:
  """The textbook loop over frames of one utterance, through the model's public methods."""
  state = MODEL.initial_state(1).prediction
  state, predicted = apply(params, state, jnp.array([CONFIG.blank]), method="predict_step")
  found = []
  for frame in range(len(encoded)):
    for _ in range(max_symbols):
      logits = apply(params, encoded[None, frame], predicted, method="join")
      token = int(jnp.argmax(logits[0]))
      if token == CONFIG.blank:
        break
      found.append((token, frame))
      state, predicted = apply(params, state, jnp.array([token]), method="predict_step")
  return found


@pytest.mark.parametrize(("max_symbols", "window"), [(4, 4), (1, 3), (2, 1), (3, 64)])
def test_equals_the_frame_by_frame_search(params, batch, max_symbols, window):
  found = greedy(MODEL, params, *batch, max_symbols=max_symbols, window=window)
  encoded, lengths = apply(params, *batch, method="encode")
  total = 0
  for b in range(len(lengths)):
    want = by_definition(params, encoded[b, : lengths[b]], max_symbols)
    count = int(found.counts[b])
    got = zip(found.tokens[b, :count].tolist(), found.frames[b, :count].tolist(), strict=True)
    assert list(got) == want
    assert (found.tokens[b, count:] == CONFIG.blank).all()
    assert (found.frames[b, count:] == -1).all()
    total += count
  # Some frames must emit nothing, some one label, some all they may: else little was tested.
  per_frame = np.bincount(np.bincount(np.asarray(found.frames[1])[: int(found.counts[1])]))
  assert total > 20
  assert per_frame[0] and per_frame[1] and per_frame[max_symbols]


def test_padding_and_neighbours_change_nothing(params, batch):
  frames, lengths = batch
  beyond = jnp.arange(frames.shape[1])[:, None] >= lengths[:, None, None]
  want = greedy(MODEL, params, frames, lengths)
  got = greedy(MODEL, params, jnp.where(beyond, jnp.nan, frames), lengths)
  jax.tree.map(np.testing.assert_array_equal, got, want)
  turned = greedy(MODEL, params, frames[::-1], lengths[::-1])
  jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[::-1], b), turned, want)


def test_state_carries_the_search_over_any_cut(params, batch):
  encoded, lengths = apply(params, *batch, method="encode")
  whole = greedy(MODEL, params, *batch)
  tokens = [[] for _ in range(5)]
  state = jax.jit(begin, static_argnums=(0, 2))(MODEL, params, 5)
  for start, stop in [(0, 1), (1, 2), (2, 21)]:
    within = jnp.clip(lengths - start, 0, stop - start)
    state, found = jax.jit(search, static_argnums=0)(
      MODEL, params, state, encoded[:, start:stop], within
    )
    for b, count in enumerate(found.counts.tolist()):
      tokens[b] += found.tokens[b, :count].tolist()
  assert tokens == [row[:n].tolist() for row, n in zip(whole.tokens, whole.counts, strict=True)]


def test_refuses_a_search_that_may_emit_nothing(params, batch):
  with pytest.raises(ValueError, match="max_symbols and window must be positive, got 0 and 4"):
    greedy(MODEL, params, *batch, max_symbols=0)
