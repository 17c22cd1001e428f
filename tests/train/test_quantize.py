"""Quantization-aware updates: when numbers are rounded, and where their ranges go."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from edge_rnnt.inputs.alignment import UNKNOWN
from edge_rnnt.model.config import RNNTConfig
from edge_rnnt.model.rnnt import RNNT, init
from edge_rnnt.quant.rules import HYBRID, INTEGER
from edge_rnnt.train.checkpoint import Checkpoints
from edge_rnnt.train.objective import make_objective
from edge_rnnt.train.quantize import Aware, initial_ranges
from edge_rnnt.train.ranges import Utterances, observe
from edge_rnnt.train.state import create
from edge_rnnt.train.step import make_train_step

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
CTC = {"transducer_weight": 0.0, "ctc_weight": 1.0}  # compiles faster
TRANSDUCER = {"transducer_weight": 0.7, "ctc_weight": 0.3}
FIRST, BEGIN, FREEZE, STEPS = 0, 3, 7, 9
OUTPUT, CELL = "encoder/layer_0/output", "encoder/layer_0/cell"


def aware(**changes) -> Aware:
  settings = {
    "config": CONFIG, "scheme": "integer", "rules": INTEGER, "first": FIRST, "begin": BEGIN,
    "freeze": FREEZE, "every": 2, "decay": 0.5, "rate": 0.01,
  }  # fmt: skip
  return Aware(**settings | changes)


def batch(index: int) -> tuple:
  rng = np.random.default_rng(index)
  return (
    rng.normal(size=(4, 8, 6)).astype(np.float32),
    np.array([8, 6, 8, 0], np.int32),
    rng.integers(0, 4, (4, 3)).astype(np.int32),
    np.array([3, 2, 1, 0], np.int32),
    np.full((4, 8), UNKNOWN, np.int32),
  )


def fresh():
  params = init(CONFIG, jax.random.key(0))
  return create(params, optax.sgd(0.01), jax.random.key(1), ranges=initial_ranges(CONFIG, params))


def run(step, state, first=0, last=STEPS) -> list:
  """The states before each of these updates, on the host, and the last."""
  states = [jax.device_get(state.replace(rng=None))]
  for index in range(first, last):
    state, _ = step(state, *batch(index))
    states.append(jax.device_get(state.replace(rng=None)))
  return states


@pytest.fixture(scope="module")
def tracked():
  return make_train_step(MODEL, optax.sgd(0.01), quantize=aware(), **CTC)


@pytest.fixture(scope="module")
def learned():
  return make_train_step(MODEL, optax.sgd(0.01), quantize=aware(ranges="learned"), **TRANSDUCER)


def test_tracked_ranges_widen_at_once_shrink_slowly_and_freeze(tracked):
  """Against the rule written out, with the model's own observations."""
  states = run(tracked, fresh())
  look = jax.jit(lambda params, *arrays: observe(CONFIG, params, Utterances(*arrays)))
  expected = {path: tuple(map(np.copy, r)) for path, r in states[0].ranges.ranges.items()}
  for index, after in enumerate(states[1:]):
    if index < FREEZE and index % 2 == 0:
      for path, seen in look(states[index].params, *batch(index)[:4]).items():
        low, high = expected[path]
        low = np.minimum(seen.low, 0.5 * low + 0.5 * seen.low)
        expected[path] = low, np.maximum(seen.high, 0.5 * high + 0.5 * seen.high)
    for path, (low, high) in expected.items():
      np.testing.assert_allclose(after.ranges.ranges[path].low, low, rtol=1e-5, atol=1e-6)
      np.testing.assert_allclose(after.ranges.ranges[path].high, high, rtol=1e-5, atol=1e-6)
  assert expected[OUTPUT][1] > expected[OUTPUT][0]


def test_updates_are_those_of_float_until_rounding_begins_and_of_the_tap_from_then(tracked):
  states = run(tracked, fresh())
  objective = make_objective(MODEL, **CTC)

  @jax.jit
  def after(params, tap, *arrays):
    gradient = jax.grad(lambda p: objective(p, *arrays, tap=tap)[0])(params)
    return jax.tree.map(lambda p, g: p - 0.01 * g, params, gradient)

  @jax.jit
  def float_after(params, *arrays):
    gradient = jax.grad(lambda p: objective(p, *arrays)[0])(params)
    return jax.tree.map(lambda p, g: p - 0.01 * g, params, gradient)

  def distance(a, b):
    leaves = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return max(float(np.abs(x - y).max()) for x, y in leaves)

  for index in (0, BEGIN - 1, BEGIN, STEPS - 1):
    before, found = states[index], states[index + 1].params
    plain = float_after(before.params, *batch(index))
    tap = aware().tap(index, before.ranges.ranges)
    assert distance(found, after(before.params, tap, *batch(index))) < 1e-6
    assert (distance(found, plain) < 1e-6) == (index < BEGIN)


def test_learned_ranges_go_down_the_slope_of_the_loss_and_only_those_of_bytes(learned):
  """By shares of their width, from the first rounded update to the freeze; others are tracked."""
  states = run(learned, fresh())
  ranges = [each.ranges.ranges for each in states]
  for index in range(BEGIN, FREEZE):
    width = ranges[index][OUTPUT].high - ranges[index][OUTPUT].low
    moved = ranges[index + 1][OUTPUT].high - ranges[index][OUTPUT].high
    assert 0 < abs(moved) <= 0.011 * width * 4
  assert ranges[FREEZE][OUTPUT] == ranges[STEPS][OUTPUT]
  assert ranges[BEGIN][CELL] != ranges[FREEZE][CELL]
  assert states[BEGIN].ranges.moments.count == 0
  assert states[STEPS].ranges.moments.count == FREEZE - BEGIN


def test_the_slope_of_a_range_is_that_of_the_loss():
  """mean (y - x)^2 of uniform x in -3..3 is (3 - high)^3 / 18 above the end: its slope is known.

  The tolerance is the rounding of the zero point, which moves the end by half a step.
  """
  x = jnp.asarray(np.random.default_rng(0).uniform(-3, 3, 40_000), jnp.float32)
  ranges = dict(initial_ranges(CONFIG, init(CONFIG, jax.random.key(0))).ranges)

  def loss(high):
    ends = ranges | {OUTPUT: ranges[OUTPUT]._replace(low=jnp.float32(-2.0), high=high)}
    tap = aware(ranges="learned").tap(BEGIN, ends).scope("encoder").scope("layer_0")
    return jnp.mean((tap("output", x) - x) ** 2)

  for high in (1.0, 2.0, 2.5):
    slope = float(jax.grad(loss)(jnp.float32(high)))
    assert slope == pytest.approx(-((3 - high) ** 2) / 6, rel=0.08)


@pytest.mark.parametrize("name", ["tracked", "learned"])
def test_ranges_resume_from_a_checkpoint_bit_for_bit(name, request, tmp_path):
  step = request.getfixturevalue(name)
  straight, state = run(step, fresh())[-1], fresh()
  for index in range(5):
    state, _ = step(state, *batch(index))
  with Checkpoints(tmp_path) as checkpoints:
    checkpoints.save(5, state, {})
    resumed, _ = checkpoints.restore_latest(fresh())
  resumed = run(step, resumed, first=5)[-1]
  for a, b in zip(jax.tree.leaves(straight), jax.tree.leaves(resumed), strict=True):
    np.testing.assert_array_equal(a, b)


def test_hybrid_needs_no_ranges_and_rounds_from_its_beginning_on():
  hybrid = aware(scheme="hybrid", rules=HYBRID, begin=2)
  tap = hybrid.tap(1, None), hybrid.tap(2, None)
  x = jnp.array([[1.27, 0.014]])
  assert np.array_equal(tap[0]("input", x), x)
  np.testing.assert_allclose(tap[1]("input", x), [[1.27, 0.01]], rtol=1e-6)
  assert hybrid.advance(jnp.int32(2), None, None, {}, Utterances(*batch(0)[:4])) is None


@pytest.mark.parametrize(
  ("changes", "told"),
  [
    ({"scheme": "float"}, "scheme is hybrid or integer"),
    ({"ranges": "guessed"}, "tracked or learned"),
    ({"begin": 0}, "first < begin"),
    ({"freeze": 2}, "begin <= freeze"),
    ({"every": 0}, "every >= 1"),
  ],
)
def test_schedules_that_cannot_be_are_refused(changes, told):
  with pytest.raises(ValueError, match=told):
    aware(**changes)
