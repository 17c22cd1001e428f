"""The custom gradient: equal to autodiff of the plain scan, and without matrices in its loop."""

import subprocess
import sys

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.cells.cifg import CIFG
from edge_rnnt.cells.lstm import LSTM

B, T, D = 4, 24, 48


def loss_by_scan(cell, params, xs, weights):
  """Everything inside the loop, differentiated by JAX."""

  def body(state, x):
    return cell.step(params, state, x)

  _, ys = jax.lax.scan(body, cell.initial_state(B), jnp.swapaxes(xs, 0, 1))
  return jnp.sum(jnp.swapaxes(ys, 0, 1) * weights)


def loss_by_unroll(cell, params, xs, weights):
  ys = cell.unroll(params, cell.initial_state(B), xs, jnp.full((B,), T))[1]
  return jnp.sum(ys * weights)


def inputs(cell):
  keys = jax.random.split(jax.random.key(0), 3)
  weights = jax.random.normal(keys[2], (B, T, cell.output_dim))
  return cell.init(keys[0], D), jax.random.normal(keys[1], (B, T, D)), weights


@pytest.mark.parametrize(
  "cell", [LSTM(cells=160, projection=96), CIFG(cells=64, layer_norm=False)], ids=str
)
def test_gradient_equals_autodiff_of_the_plain_scan(cell):
  values = inputs(cell)
  got, want = (
    jax.jit(jax.grad(loss, argnums=(1, 2)), static_argnums=0)(cell, *values)
    for loss in (loss_by_unroll, loss_by_scan)
  )

  def check(got, want):
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * float(jnp.max(jnp.abs(want))))

  jax.tree.map(check, got, want)


def largest_carry(jaxpr) -> int:
  """Elements of the largest array that any loop within carries from step to step."""
  largest = 0
  for equation in jaxpr.eqns:
    if equation.primitive.name == "scan":
      first, count = equation.params["num_consts"], equation.params["num_carry"]
      carried = equation.invars[first : first + count]
      largest = max([largest, *(variable.aval.size for variable in carried)])
    for inner in jax.extend.core.jaxprs_in_params(equation.params):
      largest = max(largest, largest_carry(inner))
  return largest


def test_no_loop_carries_a_matrix():
  cell = LSTM(cells=160, projection=96)
  params, xs, weights = inputs(cell)
  states = B * cell.cells

  def carry(loss):
    return largest_carry(
      jax.make_jaxpr(jax.grad(loss, argnums=1), static_argnums=0)(cell, params, xs, weights).jaxpr
    )

  assert carry(loss_by_unroll) == max(states, 4 * cell.cells)
  assert carry(loss_by_scan) == params["kernel"].size  # what the test would see without it


SHARDED = """
import re, jax, jax.numpy as jnp
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
from edge_rnnt.cells.lstm import LSTM

jax.config.update("jax_num_cpu_devices", 4)
mesh = jax.make_mesh((4,), ("data",), axis_types=(AxisType.Auto,))
every, split = NamedSharding(mesh, P()), NamedSharding(mesh, P("data"))
cell = LSTM(cells=6, projection=5)

def loss(params, xs, lengths):
  return jnp.sum(jnp.square(cell.unroll(params, cell.initial_state(8), xs, lengths)[1]))

shapes = (
  jax.eval_shape(lambda: cell.init(jax.random.key(0), 4)),
  jax.ShapeDtypeStruct((8, 7, 4), jnp.float32),
  jax.ShapeDtypeStruct((8,), jnp.int32),
)
gradient = jax.jit(jax.grad(loss), in_shardings=(every, split, split), out_shardings=every)
text = gradient.lower(*shapes).compile().as_text()
print(sorted(set(re.findall(r" (all-[a-z]+|collective-permute|reduce-scatter)[(]", text))))
"""


def test_devices_that_share_a_batch_only_add_gradients():
  command = [sys.executable, "-c", SHARDED]
  done = subprocess.run(command, capture_output=True, text=True, check=False)
  assert done.stdout.split("\n")[-2:] == ["['all-reduce']", ""], done.stderr
