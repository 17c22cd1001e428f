"""Best-path CTC decoding against the definition, written out."""

import itertools

import jax
import jax.numpy as jnp
import pytest

from edge_rnnt.decode.ctc import ctc_greedy
from edge_rnnt.model.rnnt import RNNT, RNNTConfig, init

CONFIG = RNNTConfig(
  feature_dim=6, vocab_size=4, encoder_layers=2, encoder_cells=8, encoder_projection=None,
  time_reduction_after=1, embedding_dim=3, prediction_layers=1, prediction_cells=4,
  prediction_projection=None, joint_dim=4, ctc=True,
)  # fmt: skip


def test_merges_repeats_then_drops_blanks():
  model, params = RNNT(CONFIG), init(CONFIG, jax.random.key(0))
  shapes = params["ctc"]["kernel"].shape, (5, 40, 6)
  draw = jax.jit(lambda: [jax.random.normal(jax.random.key(i + 1), shapes[i]) for i in range(2)])
  kernel, frames = draw()
  params["ctc"]["kernel"] = 40 * kernel
  lengths = jnp.array([40, 31, 2, 1, 0])
  found = jax.device_get(ctc_greedy(model, params, frames, lengths))

  @jax.jit
  def best_labels():
    encoded, reduced = model.apply({"params": params}, frames, lengths, method="encode")
    return model.apply({"params": params}, encoded, method="ctc_logits").argmax(-1), reduced

  best, reduced = jax.device_get(best_labels())
  said = 0
  for row in range(5):
    path = [int(label) for label in best[row, : reduced[row]]]
    expected = [label for label, _ in itertools.groupby(path) if label != CONFIG.blank]
    count = int(found.counts[row])
    assert found.tokens[row, :count].tolist() == expected
    assert (found.tokens[row, count:] == CONFIG.blank).all()
    for token, frame in zip(found.tokens[row, :count], found.frames[row, :count], strict=True):
      assert path[int(frame)] == int(token)
    said += count
  assert said >= 10  # a silent model would pass any of this


def test_needs_the_head():
  without = RNNTConfig.from_json(CONFIG.to_json() | {"ctc": False})
  with pytest.raises(ValueError, match="CTC head"):
    params = init(without, jax.random.key(0))
    ctc_greedy(RNNT(without), params, jnp.zeros((1, 2, 6)), jnp.ones(1, int))
