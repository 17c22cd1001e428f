import dataclasses
import functools
import itertools

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from edge_rnnt.inputs.alignment import BETWEEN, UNKNOWN
from edge_rnnt.loss.pruned import pruned_transducer_loss
from edge_rnnt.loss.transducer import transducer_loss
from edge_rnnt.model import joint
from edge_rnnt.model.config import RNNTConfig
from edge_rnnt.model.rnnt import RNNT, init
from edge_rnnt.train.objective import make_objective
from edge_rnnt.train.terms import heard_at

CONFIG = RNNTConfig(
  feature_dim=6,
  vocab_size=5,
  encoder_cell="sru",  # compiles fastest
  encoder_layers=1,
  encoder_cells=8,
  encoder_projection=6,
  time_reduction_after=0,
  embedding_dim=4,
  prediction_cell="sru",
  prediction_layers=1,
  prediction_cells=8,
  prediction_projection=6,
  joint_dim=7,
  ctc=True,
)
MODEL = RNNT(CONFIG)


@flax.struct.dataclass
class Scaled:
  """A tap with something to learn: a factor on the joint's output kernel."""

  factor: jax.Array
  path: str = flax.struct.field(pytree_node=False, default="")

  def __call__(self, name, x):
    return x * self.factor if self.path + name == "joint/output_kernel" else x

  def scope(self, name):
    return self.replace(path=f"{self.path}{name}/")


def objective_with_factor(factor, params, *batch):
  objective = make_objective(MODEL, transducer_weight=0.7, ctc_weight=0.3, alignment_weight=2.0)
  return objective(params, *batch, tap=Scaled(factor))


# Compiled once for all tests: (loss, parts), (slope by factor, gradient).
EVALUATE = jax.jit(jax.value_and_grad(objective_with_factor, argnums=(0, 1), has_aux=True))


@pytest.fixture(scope="module")
def params() -> dict:
  return init(CONFIG, jax.random.key(0))


@pytest.fixture(scope="module")
def batch() -> tuple:
  rng = np.random.default_rng(0)
  features = jnp.asarray(rng.normal(size=(3, 12, 6)), jnp.float32)
  labels = jnp.asarray(rng.integers(0, 4, (3, 3)), jnp.int32)
  # The last row is empty: it fills up the batch.
  between, unknown = BETWEEN, UNKNOWN
  said = [[between, between, 1, 1, between, 3], [unknown, between, 2, unknown, 0, 0], [0] * 6]
  # Every encoder frame is made of two; what the first of them says is not asked for.
  alignment = jnp.stack([jnp.zeros((3, 6), jnp.int32), jnp.array(said)], -1).reshape(3, 12)
  return features, jnp.array([12, 9, 0]), labels, jnp.array([3, 2, 0]), alignment


@jax.jit
def plain_losses(params, features, frame_lengths, labels, label_lengths, alignment):
  """By plain functions: transducer and CTC [B], log-probabilities of the alignment [B, T]."""
  said = jnp.where(alignment[:, 1::2] == BETWEEN, 4, alignment[:, 1::2])
  logits = MODEL.apply({"params": params}, features, frame_lengths, labels)
  encoded, lengths = MODEL.apply({"params": params}, features, frame_lengths, method="encode")
  ctc_logits = MODEL.apply({"params": params}, encoded, method="ctc_logits")
  beyond = jnp.arange(ctc_logits.shape[1]) >= lengths[:, None]
  beyond_labels = jnp.arange(labels.shape[1]) >= label_lengths[:, None]
  return (
    transducer_loss(logits, labels, lengths, label_lengths, blank=4),
    optax.ctc_loss(ctc_logits, beyond * 1.0, labels, beyond_labels * 1.0, blank_id=4),
    jnp.take_along_axis(jax.nn.log_softmax(ctc_logits), said[..., None], 2)[..., 0],
  )


def test_the_loss_is_the_weighted_mean_over_the_utterances_there_are(params, batch):
  transducer, ctc, said = plain_losses(params, *batch)
  transducer, ctc = jnp.mean(transducer[:2]), jnp.mean(ctc[:2])
  alignment = -jnp.concatenate([said[0], said[1, [1, 2, 4]]]).mean()  # 9 frames make 5, 2 unknown
  (loss, parts), _ = EVALUATE(jnp.array(1.0), params, *batch)
  np.testing.assert_allclose(parts["transducer"], transducer, rtol=1e-5)
  np.testing.assert_allclose(parts["ctc"], ctc, rtol=1e-5)
  np.testing.assert_allclose(parts["alignment"], alignment, rtol=1e-5)
  np.testing.assert_allclose(loss, 0.7 * transducer + 0.3 * ctc + 2 * alignment, rtol=1e-5)


def test_ctc_of_one_frame_and_one_label_by_hand(params, batch):
  """T = 1, U = 1: the only alignment is the label itself, blank being the last token."""
  features, _, labels, _, alignment = batch
  ones = jnp.ones(3, jnp.int32)
  arrays = features, 2 * ones, labels, ones, alignment
  (_, parts), _ = EVALUATE(jnp.array(1.0), params, *arrays)
  encoded, _ = MODEL.apply({"params": params}, features[:, :2], 2 * ones, method="encode")
  logits = MODEL.apply({"params": params}, encoded[:, 0], method="ctc_logits")
  expected = -jax.nn.log_softmax(logits)[jnp.arange(3), labels[:, 0]]
  np.testing.assert_allclose(parts["ctc"], expected.mean(), rtol=1e-5)


@pytest.mark.parametrize(
  ("part", "used"),
  [
    ("ctc", ["ctc", "encoder"]),
    ("alignment", ["ctc", "encoder"]),
    ("transducer", ["encoder", "joint", "prediction"]),
  ],
)
def test_a_part_of_weight_zero_is_not_even_there(params, batch, part, used):
  weights = {f"{name}_weight": float(name == part) for name in ("transducer", "ctc", "alignment")}
  objective = make_objective(MODEL, **weights)
  present = {name: params[name] for name in used}  # it can't compute with what it isn't given
  shapes = jax.eval_shape(objective, present, *batch)
  assert set(shapes[1]) == {"loss", part}
  for name in used:
    with pytest.raises(Exception, match=name):
      jax.eval_shape(objective, {k: v for k, v in present.items() if k != name}, *batch)


def test_what_fills_up_a_batch_reaches_neither_loss_nor_gradient(params, batch):
  features, *rest = batch
  clean = EVALUATE(jnp.array(1.0), params, features, *rest)
  spoiled = features.at[2].set(jnp.nan).at[1, 9:].set(jnp.nan)
  jax.tree.map(
    np.testing.assert_array_equal, clean, EVALUATE(jnp.array(1.0), params, spoiled, *rest)
  )
  assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(clean[1]))


def test_a_tap_reaches_the_joint_and_may_be_learned(params, batch):
  _, (slope, _) = EVALUATE(jnp.array(1.0), params, *batch)
  (above, _), _ = EVALUATE(jnp.array(1.01), params, *batch)
  (below, _), _ = EVALUATE(jnp.array(0.99), params, *batch)
  np.testing.assert_allclose(slope, (above - below) / 0.02, rtol=1e-2)


@pytest.fixture(scope="module")
def pruned() -> tuple:
  """A model with a simple head, and its parameters; the head's are zeros at first."""
  config = dataclasses.replace(CONFIG, simple=True)
  params = init(config, jax.random.key(0))
  kernel = jax.random.normal(jax.random.key(1), params["simple"]["kernel"].shape)
  return RNNT(config), params | {"simple": {"kernel": kernel}}


@pytest.mark.parametrize("window", [2, 4])  # 4 are all nodes of 3 labels
def test_with_a_window_the_transducer_is_the_pruned_one_beside_the_simple_one(
  pruned, batch, window
):
  model, params = pruned
  both, full = jax.jit(functools.partial(plain_pruned, model, window=window))(params, *batch)
  objective = make_objective(model, transducer_weight=0.7, ctc_weight=0.0, window=window)
  loss, parts = jax.jit(objective)(params, *batch)
  np.testing.assert_allclose(parts["simple"], both.simple[:2].mean(), rtol=1e-5)
  np.testing.assert_allclose(parts["transducer"], both.pruned[:2].mean(), rtol=1e-5)
  np.testing.assert_allclose(
    loss, 0.7 * (both.pruned[:2].mean() + 0.5 * both.simple[:2].mean()), rtol=1e-5
  )
  less_likely = parts["transducer"] > full[:2].mean() * (1 + 1e-5)
  assert less_likely == (window == 2)


def plain_pruned(model, params, features, frame_lengths, labels, label_lengths, _, *, window):
  """Head and joint network written out, and the loss of the whole lattice."""
  apply = functools.partial(model.apply, {"params": params})
  encoded, lengths = apply(features, frame_lengths, method="encode")
  predicted = apply(labels, method="predict")
  am = encoded @ params["ctc"]["kernel"] + params["ctc"]["bias"]
  lm = predicted @ params["simple"]["kernel"]
  spoken = labels, lengths, label_lengths
  given = params["joint"], encoded, predicted, am, lm, *spoken
  both = pruned_transducer_loss(joint.join, *given, blank=4, window=window, lm_only=0.0)
  full = transducer_loss(
    apply(encoded[:, :, None], predicted[:, None], method="join"), *spoken, blank=4
  )
  return both, full


def test_with_a_window_every_parameter_learns(pruned, batch):
  model, params = pruned
  objective = make_objective(
    model, transducer_weight=1.0, ctc_weight=0.0, alignment_weight=1.0, window=2
  )
  gradient = jax.jit(jax.grad(lambda params: objective(params, *batch)[0]))(params)
  assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient))


def test_a_label_is_heard_where_brute_force_hears_it():
  logits = np.random.default_rng(3).normal(size=(2, 6, 5)).astype(np.float32)
  labels, frames, counts = map(jnp.array, ([[1, 1, 3], [0, 2, 9]], [6, 4], [3, 2]))
  placed = np.asarray(heard_at(jnp.asarray(logits), frames, labels, counts))
  log_p = np.asarray(jax.nn.log_softmax(logits))
  for row, (t, u) in enumerate(zip(frames.tolist(), counts.tolist(), strict=True)):
    orders = itertools.combinations_with_replacement(range(t), u)
    best = max(orders, key=lambda order: sum(log_p[row, order, labels[row, :u]]))
    assert placed[row].tolist() == [*best, *[-1] * (3 - u)]


@pytest.mark.parametrize("emission", [(0, 0), (1, 2), (9, 9)])
def test_the_transducer_emits_only_near_where_ctc_hears(params, batch, emission):
  features, frame_lengths, labels, label_lengths, _ = batch
  objective = make_objective(MODEL, transducer_weight=1.0, ctc_weight=1e-9, emission=emission)
  _, parts = jax.jit(objective)(params, *batch)

  @jax.jit
  def bound_and_free():
    encoded, lengths = MODEL.apply({"params": params}, features, frame_lengths, method="encode")
    heard = MODEL.apply({"params": params}, encoded, method="ctc_logits")
    placed = heard_at(heard, lengths, labels, label_lengths)
    logits = MODEL.apply({"params": params}, features, frame_lengths, labels)
    around = placed - emission[0], placed + emission[1]
    loss = functools.partial(transducer_loss, logits, labels, lengths, label_lengths, blank=4)
    return loss(emission_window=around)[:2].mean(), loss()[:2].mean()

  bound, free = bound_and_free()
  np.testing.assert_allclose(parts["transducer"], bound, rtol=1e-5)
  assert (bound > free + 1e-4) == (emission != (9, 9))  # (9, 9) is all frames


def test_a_blank_penalty_is_what_the_blank_is_raised_by_in_the_transducer_alone(params, batch):
  features, frame_lengths, labels, label_lengths, _ = batch
  objective = make_objective(MODEL, transducer_weight=1.0, ctc_weight=0.3, blank_penalty=0.75)
  plain = make_objective(MODEL, transducer_weight=1.0, ctc_weight=0.3)
  parts, without = jax.jit(objective)(params, *batch)[1], jax.jit(plain)(params, *batch)[1]

  @jax.jit
  def written_out():
    lengths = MODEL.apply({"params": params}, features, frame_lengths, method="encode")[1]
    logits = MODEL.apply({"params": params}, features, frame_lengths, labels)
    raised = logits + 0.75 * (jnp.arange(logits.shape[-1]) == 4)
    return transducer_loss(raised, labels, lengths, label_lengths, blank=4)[:2].mean()

  np.testing.assert_allclose(parts["transducer"], written_out(), rtol=1e-5)
  assert abs(parts["transducer"] - without["transducer"]) > 1e-2
  assert parts["ctc"] == without["ctc"]


def test_an_emission_that_nothing_places_is_refused():
  for emission, options in [((1, 4), {"ctc_weight": 0.0}), ((-2, 1), {"ctc_weight": 0.3})]:
    with pytest.raises(ValueError, match="emission"):
      make_objective(MODEL, transducer_weight=1.0, emission=emission, **options)


def test_weights_that_make_no_sense_are_refused():
  for transducer, ctc in [(0.0, 0.0), (-1.0, 1.0)]:
    with pytest.raises(ValueError, match="weights"):
      make_objective(MODEL, transducer_weight=transducer, ctc_weight=ctc)
  headless = RNNT(RNNTConfig(**{**CONFIG.to_json(), "ctc": False}))
  with pytest.raises(ValueError, match="CTC head"):
    make_objective(headless, transducer_weight=1.0, ctc_weight=0.3)
  with pytest.raises(ValueError, match="simple=True"):
    make_objective(MODEL, transducer_weight=1.0, ctc_weight=0.3, window=5)


def test_bfloat16_products_change_little_and_leave_masters_and_losses_in_float32(params, batch):
  def gradient(dtype):
    objective = make_objective(MODEL, transducer_weight=0.7, ctc_weight=0.3, matmul_dtype=dtype)
    return jax.jit(jax.value_and_grad(lambda params: objective(params, *batch)[0]))(params)

  (loss, exact), (rounded, coarse) = gradient(jnp.float32), gradient(jnp.bfloat16)
  assert loss != rounded and rounded.dtype == jnp.float32
  np.testing.assert_allclose(loss, rounded, rtol=0.01)
  assert {leaf.dtype for leaf in jax.tree.leaves(coarse)} == {jnp.dtype("float32")}
  exact, coarse = (np.concatenate([*map(np.ravel, jax.tree.leaves(g))]) for g in (exact, coarse))
  assert np.linalg.norm(exact - coarse) < 0.05 * np.linalg.norm(exact)
