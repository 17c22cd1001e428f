"""A stream, however it is cut, emits what the whole utterance does."""

import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.decode.greedy import greedy
from edge_rnnt.decode.stream import Stream
from edge_rnnt.model.rnnt import RNNT, RNNTConfig


def config(cell: str, reduction: int) -> RNNTConfig:
  return RNNTConfig(
    feature_dim=6,
    vocab_size=9,
    encoder_cell=cell,
    encoder_layers=3,
    encoder_cells=12,
    encoder_projection=8,
    time_reduction=reduction,
    time_reduction_after=1,
    embedding_dim=5,
    prediction_cell=cell,
    prediction_layers=2,
    prediction_cells=12,
    prediction_projection=None,
    joint_dim=16,
  )


@pytest.mark.parametrize(
  ("cell", "reduction", "blank", "chunk"),
  [("lstm", 2, 0.0, None), ("cifg", 3, 2.0, 12), ("sru", 1, 1.0, None)],
)
def test_any_cut_emits_the_same_tokens(talkative, cell, reduction, blank, chunk):
  model = RNNT(config(cell, reduction))
  params = talkative(model.config, blank)
  rng = np.random.default_rng(1)
  frames = 2 * rng.standard_normal((43, 6), np.float32)  # 43: a tail for both 2 and 3
  whole = greedy(model, params, jnp.asarray(frames[None]), jnp.array([43], jnp.int32))
  count = int(whole.counts[0])
  want = list(zip(whole.tokens[0, :count].tolist(), whole.frames[0, :count].tolist(), strict=True))
  assert 10 < count < 4 * 43 // reduction
  for cuts in (rng.integers(0, 5, 12).cumsum(), [1, 2, 30]):
    stream = Stream(model, params, chunk=chunk)
    got = []
    for piece in np.split(frames, cuts):
      got += stream.accept(piece)
    assert got == want[: len(got)]
    assert got + stream.finish() == want
    with pytest.raises(ValueError, match="start a new Stream"):
      stream.accept(frames)


def test_refuses_a_chunk_that_splits_a_group():
  with pytest.raises(ValueError, match="multiple of time_reduction=2, got 3"):
    Stream(RNNT(config("lstm", 2)), {}, chunk=3)
