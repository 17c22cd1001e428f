"""The loss of given logits: closed forms, enumeration, published vectors, padding, precision."""

import functools
import itertools
import math
import subprocess
import sys

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

from edge_rnnt.loss import reference
from edge_rnnt.loss.transducer import transducer_loss

BLANK = 4  # of a vocabulary of 5


def random_problem(seed, batch=3, frames=6, labels=4, vocab=5, scale=1.0):
  rng = np.random.default_rng(seed)
  logits = scale * rng.normal(size=(batch, frames, labels + 1, vocab))
  return logits.astype(np.float32), rng.integers(0, vocab - 1, (batch, labels))


@functools.partial(jax.jit, static_argnames=("blank", "options"))
def _value_and_gradient(logits, labels, frame_lengths, label_lengths, weights, blank, options):
  def objective(logits):
    lengths = frame_lengths, label_lengths
    loss = transducer_loss(logits, labels, *lengths, blank=blank, **dict(options))
    return jnp.sum(jnp.where(weights == 0, 0.0, loss * weights)), loss

  (_, loss), gradient = jax.value_and_grad(objective, has_aux=True)(logits)
  return loss, gradient


def value_and_gradient(logits, labels, *lengths, blank=BLANK, weights=None, **options):
  weights = np.ones(len(labels), np.float32) if weights is None else weights
  inputs = (jnp.asarray(x) for x in (logits, labels, *lengths, weights))
  result = _value_and_gradient(*inputs, blank=blank, options=tuple(options.items()))
  return jax.tree.map(np.asarray, result)


ALL_LENGTHS = np.array(list(itertools.product(range(5), range(5))))


def test_equals_enumeration_for_every_pair_of_lengths():
  logits, labels = random_problem(0, len(ALL_LENGTHS), 4, 4)
  loss, gradient = value_and_gradient(logits, labels, *ALL_LENGTHS.T)
  for b, (t, u) in enumerate(ALL_LENGTHS):
    inside = logits[b, :t, : u + 1], labels[b, :u]
    expected = reference.loss_by_enumeration(*inside, blank=BLANK)
    np.testing.assert_allclose(loss[b], expected, rtol=2e-6, atol=1e-6)
    assert np.all(gradient[b, t:] == 0) and np.all(gradient[b, :, u + 1 :] == 0)
    if np.isfinite(expected):
      by_loops, d = reference.loss_and_gradient(*inside, blank=BLANK)
      np.testing.assert_allclose(by_loops, expected, rtol=1e-12, atol=1e-12)
      np.testing.assert_allclose(gradient[b, :t, : u + 1], d, atol=1e-6)


@pytest.mark.parametrize("frames, count", [(1, 3), (5, 0), (7, 4), (2, 6)])
def test_uniform_logits_count_the_alignments(frames, count):
  _, labels = random_problem(0, 1, frames, count)
  logits = np.zeros((1, frames, count + 1, 5), np.float32)
  loss, _ = value_and_gradient(logits, labels, [frames], [count])
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


def test_published_clamp_clips_the_gradient_alone():
  labels = np.array([[1, 2]])
  loss, gradient = value_and_gradient(SMALL, labels, [2], [2], blank=0, clamp=0.1)
  _, free = value_and_gradient(SMALL, labels, [2], [2], blank=0)
  np.testing.assert_allclose(loss, 4.495666, rtol=1e-6)
  np.testing.assert_allclose(gradient, np.clip(free, -0.1, 0.1), atol=1e-7)
  weights = np.array([-3.0], np.float32)
  _, weighted = value_and_gradient(SMALL, labels, [2], [2], blank=0, clamp=0.1, weights=weights)
  np.testing.assert_allclose(weighted, -3 * gradient, atol=1e-6)


def test_padding_may_hold_anything():
  logits, labels = random_problem(1, 4)
  lengths = np.array([6, 3, 1, 0]), np.array([4, 2, 0, 0])
  clean = value_and_gradient(logits, labels, *lengths)
  dirty, wild = logits.copy(), labels.copy()
  for b, (t, u) in enumerate(zip(*lengths, strict=True)):
    dirty[b, t:] = [np.nan, np.inf, -np.inf, 500][b]
    dirty[b, :, u + 1 :] = [np.inf, np.nan, -np.inf, np.nan][b]
    wild[b, u:] = [-1, 99, BLANK, -(2**31)][b]
  for expected, got in zip(clean, value_and_gradient(dirty, wild, *lengths), strict=True):
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-7)


def test_an_impossible_target_is_infinite_and_stays_alone():
  logits, labels = random_problem(2, 4)
  lengths = [6, 6, 5, 6], [4, 3, 4, 0]
  clean = value_and_gradient(logits, labels, *lengths)
  logits[1, :, :, labels[1, 1]] = -np.inf  # a label that is needed
  logits[2, :, :, BLANK] = -np.inf
  unused = next(v for v in range(4) if v not in labels[0])
  logits[0, :, :, unused] = -np.inf
  loss, gradient = value_and_gradient(logits, labels, *lengths)
  np.testing.assert_array_equal(np.isinf(loss), [False, True, True, False])
  np.testing.assert_array_equal(gradient[[1, 2]], 0)
  assert np.isfinite(gradient).all()
  np.testing.assert_array_equal(loss[3], clean[0][3])
  expected, d = reference.loss_and_gradient(logits[0], labels[0], blank=BLANK)
  np.testing.assert_allclose(loss[0], expected, rtol=1e-6)
  np.testing.assert_allclose(gradient[0], d, atol=1e-6)
  finite, same = value_and_gradient(logits, labels, *lengths, zero_infinity=True)
  np.testing.assert_array_equal(finite, np.where(np.isinf(loss), 0, loss))
  np.testing.assert_array_equal(same, gradient)


@pytest.mark.parametrize("scale, shift", [(100, 0), (1, 500), (1, -500)])
def test_large_logits(scale, shift):
  logits, labels = random_problem(3, scale=scale)
  logits += shift
  loss, gradient = value_and_gradient(logits, labels, [6] * 3, [4] * 3)
  for b in range(3):
    expected, d = reference.loss_and_gradient(logits[b], labels[b], blank=BLANK)
    np.testing.assert_allclose(loss[b], expected, rtol=1e-5)
    np.testing.assert_allclose(gradient[b], d, atol=2e-4)


def naive(logits, labels, frames, count):
  """alpha of one utterance, node by node, for jax.grad to differentiate."""
  log_p = jax.nn.log_softmax(logits)
  alpha = {(0, 0): jnp.zeros(())}
  for t, u in itertools.product(range(frames), range(count + 1)):
    before = []
    if t:
      before.append(alpha[t - 1, u] + log_p[t - 1, u, BLANK])
    if u:
      before.append(alpha[t, u - 1] + log_p[t, u - 1, labels[u - 1]])
    if before:
      alpha[t, u] = functools.reduce(jnp.logaddexp, before)
  return -(alpha[frames - 1, count] + log_p[frames - 1, count, BLANK])


def test_float64_equals_plain_autodiff_and_finite_differences():
  with jax.enable_x64(True):
    logits, labels = random_problem(4)
    logits, lengths = logits.astype(np.float64), ([6, 4, 1], [4, 2, 3])
    weights = np.array([1.0, -0.5, -2.0])
    loss, gradient = value_and_gradient(logits, labels, *lengths, weights=weights)
    step = 1e-6
    rng = np.random.default_rng(0)
    for b, (t, u) in enumerate(zip(*lengths, strict=True)):
      expected, d = jax.jit(jax.value_and_grad(functools.partial(naive, frames=t, count=u)))(
        jnp.asarray(logits[b]), labels=jnp.asarray(labels[b])
      )
      np.testing.assert_allclose(loss[b], expected, atol=1e-12)
      np.testing.assert_allclose(gradient[b], weights[b] * d, atol=1e-12)
    direction = rng.normal(size=logits.shape)
    above, _ = value_and_gradient(logits + step * direction, labels, *lengths)
    below, _ = value_and_gradient(logits - step * direction, labels, *lengths)
    slope = weights @ (above - below) / (2 * step)
    np.testing.assert_allclose(np.vdot(gradient, direction), slope, rtol=1e-7)


KINDS = {
  "random": lambda rng, x: x,
  "wide": lambda rng, x: 5 * x,
  "blank-heavy": lambda rng, x: x + 6 * (np.arange(x.shape[-1]) == x.shape[-1] - 1),
}


@pytest.mark.parametrize("kind", KINDS)
def test_float32_of_a_long_utterance_against_float64(kind):
  """T = 1500, U = 300: error of the whole gradient, relative to its size."""
  rng = np.random.default_rng(5)
  logits = KINDS[kind](rng, rng.normal(size=(1, 1500, 301, 8))).astype(np.float32)
  labels, lengths = rng.integers(0, 7, (1, 300)), ([1500], [300])
  loss, gradient = value_and_gradient(logits, labels, *lengths, blank=7)
  with jax.enable_x64(True):
    exact, d = value_and_gradient(logits.astype(np.float64), labels, *lengths, blank=7)
  np.testing.assert_allclose(loss, exact, rtol=2e-6)
  assert np.abs(gradient - d).sum() < {"wide": 1e-4}.get(kind, 1e-5) * np.abs(d).sum()


def test_float32_of_sharp_logits_against_float64():
  """As a trained model's: one alignment has nearly all of the probability."""
  rng = np.random.default_rng(6)
  logits = rng.normal(size=(1, 1500, 301, 8)).astype(np.float32)
  labels, t, u = rng.integers(0, 7, (1, 300)), 0, 0
  emits = np.sort(rng.choice(1500, 300, replace=False))
  for t in range(1500):
    while u < 300 and emits[u] == t:
      logits[0, t, u, labels[0, u]] += 12
      u += 1
    logits[0, t, u, 7] += 12
  loss, gradient = value_and_gradient(logits, labels, [1500], [300], blank=7)
  with jax.enable_x64(True):
    arguments = logits.astype(np.float64), labels, [1500], [300]
    exact, d = value_and_gradient(*arguments, blank=7)
  np.testing.assert_allclose(loss, exact, atol=3e-6)  # the loss is 0.2
  # Entries are 1 - 1 nearly everywhere: what counts is the error beside the terms that cancel.
  assert np.abs(gradient - d).max() < 2e-6


def test_gradient_error_of_a_benchmark_shape_is_below_2e_6():
  rng = np.random.default_rng(7)
  logits = rng.normal(size=(2, 150, 40, 128)).astype(np.float32)
  labels, lengths = rng.integers(0, 127, (2, 39)), ([150, 90], [39, 30])
  _, gradient = value_and_gradient(logits, labels, *lengths, blank=127)
  with jax.enable_x64(True):
    _, d = value_and_gradient(logits.astype(np.float64), labels, *lengths, blank=127)
  assert np.abs(gradient - d).max() < 2e-6


def test_bfloat16_logits_have_a_float32_lattice():
  logits, labels = random_problem(8)
  rounded = jnp.asarray(logits, jnp.bfloat16)
  loss, gradient = value_and_gradient(rounded, labels, [6, 4, 2], [4, 1, 0])
  exact, d = value_and_gradient(rounded.astype(jnp.float32), labels, [6, 4, 2], [4, 1, 0])
  assert loss.dtype == np.float32 and gradient.dtype == jnp.bfloat16
  np.testing.assert_array_equal(loss, exact)
  np.testing.assert_array_equal(gradient, d.astype(jnp.bfloat16))


def test_vmap_over_a_leading_axis():
  logits, labels = random_problem(9, 6)
  lengths = np.array([6, 5, 4, 3, 2, 1]), np.array([4, 3, 2, 1, 0, 4])
  inputs = [jnp.asarray(x).reshape(2, 3, *np.shape(x)[1:]) for x in (logits, labels, *lengths)]
  loss = jax.jit(jax.vmap(functools.partial(transducer_loss, blank=BLANK)))(*inputs)
  expected, _ = value_and_gradient(logits, labels, *lengths)
  np.testing.assert_allclose(loss.ravel(), expected, rtol=1e-6)


def test_donated_logits_become_the_gradient():
  logits, labels = random_problem(10, 4, 20, 4, 64)
  lengths = jnp.full(4, 20), jnp.full(4, 4)

  def objective(logits):
    return transducer_loss(logits, jnp.asarray(labels), *lengths, blank=63).sum()

  gradient = jax.jit(jax.grad(objective), donate_argnums=0)
  memory = gradient.lower(jnp.asarray(logits)).compile().memory_analysis()
  assert memory.alias_size_in_bytes == logits.nbytes
  assert memory.temp_size_in_bytes < logits.nbytes / 2


SHARDED = """
import jax
jax.config.update("jax_num_cpu_devices", 2)
import jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
from edge_rnnt.loss.transducer import transducer_loss
rng = np.random.default_rng(0)
args = (rng.normal(size=(4, 6, 5, 7)).astype(np.float32), rng.integers(0, 6, (4, 4)),
        np.array([6, 5, 3, 6]), np.array([4, 2, 0, 1]))
f = jax.jit(jax.value_and_grad(lambda *a: transducer_loss(*a, blank=6).mean()))
alone = f(*(jnp.asarray(x) for x in args))
mesh = jax.make_mesh((2,), ("data",), axis_types=(AxisType.Auto,))
split = f(*(jax.device_put(x, NamedSharding(mesh, P("data"))) for x in args))
assert len(split[1].sharding.device_set) == 2
jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-7), alone, split)
"""


def test_a_batch_split_over_devices():
  subprocess.run([sys.executable, "-c", SHARDED], check=True)


lengths_of_three = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), min_size=3, max_size=3)


@hypothesis.given(st.integers(0, 2**32 - 1), lengths_of_three, st.sampled_from([0.1, 1.0, 8.0]))
@hypothesis.settings(max_examples=40, deadline=None, derandomize=True)
def test_properties_of_any_problem(seed, lengths, scale):
  logits, labels = random_problem(seed, scale=scale)
  lengths = np.array(lengths)
  loss, gradient = value_and_gradient(logits, labels, *lengths.T)
  assert np.all(loss >= 0)
  np.testing.assert_allclose(gradient.sum(axis=-1), 0, atol=1e-6)  # logits matter up to a constant
  for b, (t, u) in enumerate(lengths):
    inside = logits[b, :t, : u + 1], labels[b, :u]
    expected = reference.loss_by_enumeration(*inside, blank=BLANK) if t + u < 7 else None
    if t and expected is not None:
      np.testing.assert_allclose(loss[b], expected, rtol=1e-5, atol=1e-5)
    if t:
      _, d = reference.loss_and_gradient(*inside, blank=BLANK)
      np.testing.assert_allclose(gradient[b, :t, : u + 1], d, atol=1e-5)


WRONG = {
  "labels": (dict(labels=jnp.zeros((3, 5), int)), r"labels is int32\[3, 5\], expected .*\[3, 4\]"),
  "float labels": (dict(labels=jnp.zeros((3, 4))), r"labels is float32\[3, 4\], expected integers"),
  "frame_lengths": (
    dict(frame_lengths=jnp.array([6, 7, 6])),
    r"frame_lengths\[1\] is 7, expected 0",
  ),
  "label_lengths": (dict(label_lengths=jnp.array([4, 4, -1])), r"label_lengths\[2\] is -1"),
  "blank": (dict(blank=5), r"blank is 5, outside a vocabulary of 5"),
  "label": (dict(labels=jnp.full((3, 4), 9)), r"labels\[0, 0\] is 9, expected 0 to 4"),
  "blank label": (dict(labels=jnp.full((3, 4), BLANK)), r"labels\[0, 0\] is 4.*not the blank"),
}


@pytest.mark.parametrize("case", WRONG)
def test_errors_say_what_was_given(case):
  change, message = WRONG[case]
  given = dict(
    logits=jnp.zeros((3, 6, 5, 5)),
    labels=jnp.zeros((3, 4), int),
    frame_lengths=jnp.full(3, 6),
    label_lengths=jnp.full(3, 4),
    blank=BLANK,
  )
  checks = jaxtyping.config.jaxtyping_disable
  jaxtyping.config.update("jaxtyping_disable", True)  # what users see, without the tests' checker
  try:
    with pytest.raises(ValueError, match=message):
      transducer_loss(**(given | change))
  finally:
    jaxtyping.config.update("jaxtyping_disable", checks)


def test_inside_jit_a_length_beyond_gives_nan():
  logits, labels = random_problem(11)
  loss, _ = value_and_gradient(logits, labels, [7, 6, 6], [4, 5, 4])
  np.testing.assert_array_equal(np.isnan(loss), [True, True, False])
