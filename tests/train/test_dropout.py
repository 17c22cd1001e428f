"""What dropout drops: a share of the units, for a whole utterance, and nothing that re-enters."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct

from edge_rnnt.model.config import RNNTConfig
from edge_rnnt.model.rnnt import RNNT, init
from edge_rnnt.quant.fake_quant import hybrid
from edge_rnnt.train.dropout import Dropout, dropping, seeds
from edge_rnnt.train.objective import Objective, make_objective

CELLS = dict(encoder_cells=12, encoder_projection=8, prediction_cells=12, prediction_projection=8)
ROWS, FRAMES = 4, 6


def drawn(step: int = 0, rows: int = ROWS) -> jax.Array:
  return seeds(jax.random.key(5), jnp.int32(step), rows)


def test_as_many_units_as_the_rate_says_and_the_rest_grow():
  tap = Dropout(drawn(rows=200), 0.25).scope("encoder").scope("layer_1")
  dropped = np.asarray(tap("input", jnp.ones((3, 200, 100))))  # frames, utterances, units
  assert np.unique(dropped).tolist() == [0.0, np.float32(1 / 0.75)]
  assert abs((dropped == 0).mean() - 0.25) < 0.01  # 20,000 draws: 3 deviations
  assert (dropped == dropped[0]).all()  # in every frame the same
  assert abs(dropped[0].mean(axis=1) - 1).max() < 0.25  # no utterance loses all


def test_a_mask_is_of_the_seed_and_the_place():
  def mask(step: int, *scopes: str) -> list[list[bool]]:
    tap = functools.reduce(Dropout.scope, scopes, Dropout(drawn(step), 0.5))
    return (np.asarray(tap("input", jnp.ones((ROWS, 32)))) == 0).tolist()

  first = mask(0, "encoder", "layer_1")
  assert first == mask(0, "encoder", "layer_1")
  assert len({str(each) for each in first}) == ROWS
  for other in [(1, "encoder", "layer_1"), (0, "encoder", "layer_2"), (0, "prediction", "layer_1")]:
    assert mask(*other) != first
  assert (np.asarray(drawn(rows=2)) != np.asarray(drawn(1, rows=2))).all()


def test_utterances_are_on_the_axis_that_each_tap_has_them_on():
  joint = Dropout(drawn(), 0.5).scope("joint")
  encoded = np.asarray(joint("encoded", jnp.ones((ROWS, FRAMES, 16))))
  assert (encoded == encoded[:, :1]).all() and len(np.unique(encoded[:, 0], axis=0)) == ROWS


@pytest.mark.parametrize("cell", ["lstm", "cifg", "sru"])
def test_only_what_enters_a_layer_or_the_joint_is_dropped(cell):
  config = RNNTConfig(
    feature_dim=5, vocab_size=7, encoder_layers=2, encoder_cell=cell, prediction_cell=cell,
    time_reduction_after=1, embedding_dim=4, prediction_layers=1, joint_dim=6, **CELLS,
  )  # fmt: skip
  model, params = RNNT(config), init(config, jax.random.key(0))
  touched = []

  @struct.dataclass
  class Spy:
    tap: Dropout

    def __call__(self, name, x):
      y = self.tap(name, x)
      if y is not x:
        touched.append(self.tap.path + name)
      return y

    def scope(self, name):
      return Spy(self.tap.scope(name))

  features = jax.random.normal(jax.random.key(1), (ROWS, FRAMES, 5))
  lengths, labels = jnp.full(ROWS, FRAMES), jnp.ones((ROWS, 2), jnp.int32)
  spy, apply = Spy(Dropout(drawn(), 0.5)), functools.partial(model.apply, {"params": params})
  encoded, _ = apply(features, lengths, spy, method="encode")
  predicted = apply(labels, spy, method="predict")
  apply(encoded[:, :1], predicted[:, :1], spy, method="join")
  assert set(touched) == {
    "encoder/layer_1/input", "prediction/layer_0/input", "joint/encoded", "joint/predicted",
  }  # fmt: skip


def test_the_rest_of_an_objective_is_as_it_was_and_what_is_quantized_is_dropped_after():
  tap = Dropout(drawn(), 0.5, hybrid()).scope("joint")
  x = jax.random.normal(jax.random.key(2), (ROWS, FRAMES, 16))
  rounded = hybrid().scope("joint")("encoded", x)
  ratio = np.asarray(tap("encoded", x) / rounded)
  assert set(np.unique(ratio[np.isfinite(ratio)]).round(5)) == {0.0, 2.0}
  kernel = jax.random.normal(jax.random.key(3), (16, 16))
  np.testing.assert_array_equal(
    tap("encoder_kernel", kernel), hybrid().scope("joint")("encoder_kernel", kernel)
  )


def test_it_changes_the_loss_and_is_the_mean_of_none_at_rate_zero():
  config = RNNTConfig(
    feature_dim=5, vocab_size=7, encoder_layers=2, time_reduction_after=1, embedding_dim=4,
    prediction_layers=1, joint_dim=6, ctc=True, **CELLS,
  )  # fmt: skip
  params = init(config, jax.random.key(0))
  plain = make_objective(RNNT(config), transducer_weight=1.0, ctc_weight=0.3)
  batch = (
    jax.random.normal(jax.random.key(1), (ROWS, FRAMES, 5)),
    jnp.full(ROWS, FRAMES), jnp.ones((ROWS, 2), jnp.int32), jnp.full(ROWS, 2),
    jnp.zeros((ROWS, FRAMES), jnp.int32),
  )  # fmt: skip
  without = float(jax.jit(plain)(params, *batch)[0])
  losses = {}
  for rate in (0.0, 0.3):
    losses[rate] = float(jax.jit(dropping(plain, rate))(params, *batch, drawn())[0])
  np.testing.assert_allclose(losses[0.0], without, rtol=1e-6)
  assert abs(losses[0.3] - without) > 1e-3


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_a_rate_that_is_none_is_refused(rate):
  with pytest.raises(ValueError, match="dropout is a share"):
    dropping(Objective(dict, tuple), rate)
