"""The chunked joint loss equals the loss of the logits it never makes."""

import functools
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.loss.joint import joint_transducer_loss
from edge_rnnt.loss.transducer import transducer_loss

BLANK = 10


def joint_fn(params, encoded, predicted):
  return jnp.tanh(encoded + predicted + params["bias"]) @ params["kernel"]


def problem(seed, batch=4, frames=19, labels=6, width=5, vocab=11):
  rng = np.random.default_rng(seed)
  draw = lambda *shape: jnp.asarray(rng.normal(size=shape), jnp.float32)  # noqa: E731
  params = {"kernel": draw(width, vocab), "bias": draw(width)}
  inputs = draw(batch, frames, width), draw(batch, labels + 1, width)
  return params, *inputs, jnp.asarray(rng.integers(0, BLANK, (batch, labels)))


def through_logits(params, encoded, predicted, labels, *lengths, **options):
  logits = joint_fn(params, encoded[:, :, None], predicted[:, None])
  return transducer_loss(logits, labels, *lengths, blank=BLANK, **options)


def chunked(params, encoded, predicted, labels, *lengths, **options):
  return joint_transducer_loss(
    joint_fn, params, encoded, predicted, labels, *lengths, blank=BLANK, **options
  )


@functools.partial(jax.jit, static_argnames=("loss", "options"))
def _gradients(arguments, weights, loss, options):
  def objective(*inputs):
    return jnp.vdot(weights, loss(*inputs, *arguments[3:], **dict(options)))

  return jax.value_and_grad(objective, (0, 1, 2))(*arguments[:3])


def gradients(loss, arguments, weights, **options):
  return _gradients(arguments, weights, loss, tuple(options.items()))


LENGTHS = [
  ([19, 19, 19, 19], [6, 6, 6, 6]),
  ([19, 7, 1, 12], [6, 2, 0, 5]),
  ([3, 0, 19, 8], [6, 0, 0, 1]),
]


@pytest.mark.parametrize("frame_lengths, label_lengths", LENGTHS)
@pytest.mark.parametrize("chunk_nodes", [1, 100, 10_000])
def test_equals_the_loss_of_all_logits(frame_lengths, label_lengths, chunk_nodes):
  arguments = *problem(0), jnp.array(frame_lengths), jnp.array(label_lengths)
  weights = jnp.array([1.0, -0.5, 0.25, 2.0])
  expected = gradients(through_logits, arguments, weights)
  got = gradients(chunked, arguments, weights, chunk_nodes=chunk_nodes)
  jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=2e-6, atol=2e-5), got, expected)


def test_padding_may_hold_nan():
  params, encoded, predicted, labels = problem(1)
  lengths = jnp.array([19, 7, 1, 12]), jnp.array([6, 2, 0, 5])
  t, u = jnp.arange(19)[:, None], jnp.arange(7)[:, None]
  dirty = (
    jnp.where(t < lengths[0][:, None, None], encoded, jnp.nan),
    jnp.where(u <= lengths[1][:, None, None], predicted, jnp.inf),
  )
  weights = jnp.ones(4)
  expected = gradients(chunked, (params, encoded, predicted, labels, *lengths), weights)
  got = gradients(chunked, (params, *dirty, labels, *lengths), weights)
  jax.tree.map(np.testing.assert_array_equal, got, expected)


@pytest.mark.parametrize(
  "options",
  [{"fastemit": 0.3}, {"clamp": 0.05}, {"delay_penalty": 0.1}, {"zero_infinity": True}],
  ids=lambda options: next(iter(options)),
)
def test_options_mean_the_same(options):
  arguments = *problem(2), jnp.array([19, 7, 1, 12]), jnp.array([6, 2, 0, 5])
  weights = jnp.array([1.0, -0.5, 0.25, 2.0])
  expected = gradients(through_logits, arguments, weights, **options)
  got = gradients(chunked, arguments, weights, **options)
  jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=2e-6, atol=2e-5), got, expected)


def test_bfloat16_encodings_are_summed_in_float32():
  params, encoded, predicted, labels = problem(3)
  low = jax.tree.map(lambda x: x.astype(jnp.bfloat16), (params, encoded, predicted))
  exact = jax.tree.map(lambda x: x.astype(jnp.float32), low)
  rest = labels, jnp.array([19, 7, 1, 12]), jnp.array([6, 2, 0, 5])
  expected = gradients(through_logits, (*exact, *rest), jnp.ones(4))
  got = gradients(chunked, (*low, *rest), jnp.ones(4), chunk_nodes=64)
  np.testing.assert_allclose(got[0], expected[0], rtol=1e-2)
  for x, y in zip(jax.tree.leaves(got[1]), jax.tree.leaves(expected[1]), strict=True):
    assert x.dtype == jnp.bfloat16
    assert jnp.linalg.norm(x - y) < 0.03 * jnp.linalg.norm(y)


def test_memory_does_not_grow_with_the_lattice():
  """Temporary memory of loss and gradient stays far below the logits that are never made."""
  batch, frames, labels, vocab = 4, 64, 15, 512
  shapes = (
    {"kernel": jax.ShapeDtypeStruct((8, vocab), jnp.float32), "bias": jnp.zeros(8)},
    jax.ShapeDtypeStruct((batch, frames, 8), jnp.float32),
    jax.ShapeDtypeStruct((batch, labels + 1, 8), jnp.float32),
  )
  rest = jnp.zeros((batch, labels), int), jnp.full(batch, frames), jnp.full(batch, labels)

  def objective(*inputs):
    return joint_transducer_loss(joint_fn, *inputs, *rest, blank=vocab - 1, chunk_nodes=128).sum()

  compiled = jax.jit(jax.grad(objective, (0, 1, 2))).lower(*shapes).compile()
  logits = 4 * batch * frames * (labels + 1) * vocab
  assert compiled.memory_analysis().temp_size_in_bytes < logits / 4


SHARD_MAP = """
import jax
jax.config.update("jax_num_cpu_devices", 2)
import jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
from edge_rnnt.loss.joint import joint_transducer_loss
rng = np.random.default_rng(0)
kernel = jnp.asarray(rng.normal(size=(3, 7)), jnp.float32)
rows = [jnp.asarray(rng.normal(size=s), jnp.float32) for s in ((4, 6, 3), (4, 5, 3))]
rest = jnp.asarray(rng.integers(0, 6, (4, 4))), jnp.array([6, 5, 3, 6]), jnp.array([4, 2, 0, 1])

def joint_fn(kernel, encoded, predicted):
  return jnp.tanh(encoded + predicted) @ kernel

def loss(kernel, encoded, predicted, *rest):
  return joint_transducer_loss(joint_fn, kernel, encoded, predicted, *rest, blank=6)

mesh = jax.make_mesh((2,), ("data",), axis_types=(AxisType.Auto,))
per_device = jax.shard_map(
  lambda kernel, *batch: loss(jax.lax.pcast(kernel, "data", to="varying"), *batch),
  mesh=mesh, in_specs=(P(), *(P("data"),) * 5), out_specs=P("data"))
split = [jax.device_put(x, NamedSharding(mesh, P("data"))) for x in (*rows, *rest)]
grad = lambda f: jax.jit(jax.value_and_grad(lambda *a: f(*a).mean(), (0, 1, 2)))
alone = grad(loss)(kernel, *rows, *rest)
for f in (loss, per_device):
  got = grad(f)(kernel, *split)
  jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6), got, alone)
"""


def test_a_batch_split_over_devices_with_and_without_shard_map():
  subprocess.run([sys.executable, "-c", SHARD_MAP], check=True)
