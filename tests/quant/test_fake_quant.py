"""The fake-quant tap: device numbers forward, straight through backward."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.cells.lstm import LSTM
from edge_rnnt.cells.sru import SRU
from edge_rnnt.quant import fake_quant
from edge_rnnt.quant.affine import Affine, asymmetric, dequantize, quantize, symmetric
from edge_rnnt.quant.calibrate import unroll_and_record
from edge_rnnt.quant.rules import Rule

CELLS = {"lstm": LSTM(cells=6, projection=4), "sru": SRU(cells=6, projection=4)}


def setting(cell):
  """(params, inputs, lengths) of a small layer."""
  params = cell.init(jax.random.key(0), 5)
  xs = jax.random.normal(jax.random.key(1), (3, 5, 5))
  return params, xs, jnp.array([5, 3, 4])


def wide_tap(ranges) -> fake_quant.FakeQuant:
  """Every activation in 22 bits."""
  formats = {path: symmetric(jnp.asarray(1.01 * r.limit), 22) for path, r in ranges.items()}
  return fake_quant.FakeQuant(formats=formats, rules=())


def recorded(cell, params, xs, lengths):
  _, seen = jax.jit(unroll_and_record, static_argnums=0)(cell, params, xs, lengths)
  return {f"encoder/layer_0/{name}": r for name, r in jax.device_get(seen).items()}


def test_forward_is_the_rounding_of_affine():
  x = np.random.default_rng(0).standard_normal((40, 30)).astype(np.float32)
  format = asymmetric(np.float32(-1), np.float32(1.5))
  got = jax.jit(fake_quant.straight_through)(x, format)
  assert np.array_equal(np.asarray(got), dequantize(quantize(x, format), format))


def test_gradient_is_one_inside_the_range_and_zero_beyond():
  format = symmetric(np.float32(1.27), 8)
  x = jnp.array([-2.0, -1.28, -1.27, 0.013, 1.27, 1.3])
  gradient = jax.grad(lambda x: fake_quant.straight_through(x, format).sum())(x)
  assert gradient.tolist() == [0, 0, 1, 1, 1, 0]


def test_half_precision_stays_half_precision():
  x = jnp.ones((2, 3), jnp.bfloat16)
  assert fake_quant.straight_through(x, symmetric(np.float32(1), 8)).dtype == jnp.bfloat16


@pytest.mark.parametrize("name", CELLS)
def test_many_bits_are_float(name):
  cell = CELLS[name]
  params, xs, lengths = setting(cell)
  tap = wide_tap(recorded(cell, params, xs, lengths)).scope("encoder").scope("layer_0")
  state, unroll = cell.initial_state(3), jax.jit(cell.unroll)
  exact = unroll(params, state, xs, lengths)[1]
  np.testing.assert_allclose(unroll(params, state, xs, lengths, tap)[1], exact, atol=2e-5)


def test_eight_bits_are_not_float_but_near_and_unroll_equals_steps():
  """The cells' own law under this tap: values and gradients of unroll are those of the steps."""
  name, cell = "lstm", CELLS["lstm"]
  params, xs, lengths = setting(cell)
  ranges = recorded(cell, params, xs, lengths)
  tap = fake_quant.integer(ranges, encoder_cell=name, prediction_cell=name, layer_norm=True)
  tap = tap.scope("encoder").scope("layer_0")
  lengths = jnp.full(3, 5)

  def unrolled(params):
    return cell.unroll(params, cell.initial_state(3), xs, lengths, tap)[1]

  def stepped(params):
    state, ys = cell.initial_state(3), []
    for t in range(5):
      state, y = cell.step(params, state, xs[:, t], tap)
      ys.append(y)
    return jnp.stack(ys, axis=1)

  exact = jax.jit(cell.unroll)(params, cell.initial_state(3), xs, lengths)[1]
  weight = jnp.arange(4.0)

  def with_gradient(function):
    loss = jax.jit(jax.grad(lambda p: (function(p) * weight).sum()))
    return jax.jit(function)(params), loss(params)

  (got, gradient), (expected, expected_gradient) = map(with_gradient, (unrolled, stepped))
  noise = 10 * np.log10((exact**2).sum() / ((got - exact) ** 2).sum())
  assert 20 < noise < 45  # dB
  step = float(tap.formats["encoder/layer_0/output"].scale)
  # A sum on the edge between two integers may fall to either side in another order of addition.
  assert np.abs(got - expected).max() < 1.01 * step
  for a, b in zip(*map(jax.tree.leaves, (gradient, expected_gradient)), strict=True):
    assert np.abs(a).max() > 0
    np.testing.assert_allclose(a, b, atol=0.05 * np.abs(b).max() + 1e-6)


def test_weights_follow_the_first_rule_and_activations_their_path():
  rules = ((r"a/input_kernel", Rule(bits=2, per="tensor")), (r".*", Rule(per="tensor")))
  formats = {"a/output": Affine(jnp.float32(0.5), 0.0, -8, 7)}
  tap = fake_quant.FakeQuant(formats=formats, rules=rules).scope("a")
  weight = jnp.array([[0.1, -0.4], [1.0, 0.6]])
  assert tap("input_kernel", weight).tolist() == [[0, 0], [1, 1]]
  np.testing.assert_allclose(tap("other_kernel", weight), weight, atol=0.5 / 127)
  assert tap("output", jnp.array([0.3, 9.0])).tolist() == [0.5, 3.5]
  assert tap("hidden", jnp.array([0.3, 9.0])).tolist() == [np.float32(0.3), 9.0]
  assert tap.scope("b")("output", jnp.array([0.3])).tolist() == [np.float32(0.3)]


def test_hybrid_quantizes_each_row_that_enters_a_product_with_its_own_scale():
  tap = fake_quant.hybrid()
  x = jnp.array([[1.27, 0.014], [127.0, 1.4], [0.0, 0.0]])
  np.testing.assert_allclose(tap("input", x), [[1.27, 0.01], [127, 1], [0, 0]], rtol=1e-6)
  assert np.array_equal(tap("cell", x), x)


def test_formats_are_arrays_of_the_tap_and_do_not_compile_again():
  compiled = 0

  @jax.jit
  def run(tap, x):
    nonlocal compiled
    compiled += 1
    return tap("output", x)

  for scale in (0.5, 0.25):
    tap = fake_quant.FakeQuant(formats={"output": Affine(jnp.float32(scale), 0.0, -8, 7)}, rules=())
    assert run(tap, jnp.array([0.3])) == round(0.3 / scale) * scale
  assert compiled == 1


@pytest.mark.parametrize("half", [False, True])
def test_gradients_of_learned_ends_are_their_formulas(half):
  format = asymmetric(np.float32(-1), np.float32(1.5))
  dtype = jnp.bfloat16 if half else jnp.float32
  x = jnp.asarray(np.random.default_rng(0).uniform(-2, 2.5, 500), dtype)
  weight = jnp.asarray(np.random.default_rng(1).standard_normal(500), dtype)

  def loss(x, low, high):
    return (fake_quant.learned(x, format, low, high) * weight).sum()

  dx, dlow, dhigh = jax.grad(loss, argnums=(0, 1, 2))(x, jnp.float32(-1), jnp.float32(1.5))
  y = np.asarray(fake_quant.straight_through(x, format), np.float64)
  x, dy = np.asarray(x, np.float64), np.asarray(weight, np.float64)
  q = np.round(x / format.scale) + format.zero_point
  below, above = q < -128, q > 127
  error = np.where(below | above, 0, y - x) / 2.5
  tolerance = {"rtol": 0.05, "atol": 0.5} if half else {"rtol": 1e-4}
  assert below.any() and above.any()
  np.testing.assert_allclose(np.asarray(dx, np.float64), np.where(below | above, 0, dy))
  np.testing.assert_allclose(float(dlow), (dy * (below - error)).sum(), **tolerance)
  np.testing.assert_allclose(float(dhigh), (dy * (above + error)).sum(), **tolerance)


def test_a_tap_that_is_off_changes_nothing_and_compiles_no_second_time():
  x, tap = jnp.array([[0.3, 1.0]]), fake_quant.hybrid()
  run = jax.jit(lambda tap, x: tap("input", x))
  assert np.array_equal(run(tap.replace(on=jnp.float32(0)), x), x)
  assert np.array_equal(run(tap.replace(on=jnp.float32(1)), x), tap("input", x))
  assert not np.array_equal(tap("input", x), x)
  assert run._cache_size() == 1
