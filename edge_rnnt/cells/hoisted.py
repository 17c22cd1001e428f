"""A recurrence whose matrices are kept out of the loops as far as the maths allow.

  z_t = x_t W + h_{t-1} R
  c_t, m_t = pointwise(z_t, c_{t-1})
  h_t = emit(m_t Q)                     h_t = emit(m_t) without a projection Q

x W is one matmul before the loop. The reverse loop carries what recurs, (dc, dh), and the small
sums of gains, biases and ranges; it leaves dz_t = dL/dz_t and dp_t = dL/d(m_t Q) behind, from which
one matmul over all frames forms each large gradient:

  dW = sum_t x_t' dz_t    dR = sum_t h_{t-1}' dz_t    dQ = sum_t m_t' dp_t    dx_t = dz_t W'

Autodiff of the loop would instead add matrices of the size of R and Q to its carry in every step.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from edge_rnnt.cells.product import product


class Recurrence(NamedTuple):
  """The two pointwise functions of a cell; hashable, as they are static to the custom gradient."""

  pointwise: Callable[..., tuple[Array, Array]]
  """(small params, tap, z [B G H], c [B H]) -> (c [B H], m [B H])"""
  emit: Callable[..., Array]
  """(tap, p [B P]) -> h [B P]"""


class Matrices(NamedTuple):
  """What a recurrence multiplies with."""

  inputs: Float[Array, "D G H"]
  recurrent: Float[Array, "P G H"]
  projection: Float[Array, "H P"] | None


def matmul(x: Float[Array, "... D"], kernel: Float[Array, "D G H"]) -> Float[Array, "... G H"]:
  """x @ kernel for a kernel whose columns are split into gates."""
  return product(x, _flat(kernel)).reshape(*x.shape[:-1], *kernel.shape[1:])


def project(m: Float[Array, "... H"], projection: Float[Array, "H P"] | None) -> Array:
  """m Q, or m itself without a projection."""
  return m if projection is None else product(m, projection)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def recur(
  recurrence: Recurrence,
  matrices: Matrices,
  small: Any,
  tap: Any,
  xs: Float[Array, "T B D"],
  c: Float[Array, "B H"],
  h: Float[Array, "B P"],
) -> tuple[Float[Array, "T B H"], Float[Array, "T B P"]]:
  """All states (c_t, h_t) from (c, h) before the first frame; see the header for its gradient."""
  states, _ = _forward(recurrence, matrices, small, tap, xs, c, h)
  return states


def _forward(recurrence, matrices, small, tap, xs, c, h):
  def body(state, inputs_t):
    c, h = state
    z = inputs_t + matmul(h, matrices.recurrent)
    c, m = recurrence.pointwise(small, tap, z, c)
    h = recurrence.emit(tap, project(m, matrices.projection))
    return (c, h), (c, h, z, m)

  _, (cs, hs, zs, ms) = jax.lax.scan(body, (c, h), matmul(xs, matrices.inputs))
  return (cs, hs), (matrices, small, tap, xs, c, h, cs, hs, zs, ms)


def _backward(recurrence, saved, cotangents):
  matrices, small, tap, xs, c, h, cs, hs, zs, ms = saved
  previous_c = jnp.concatenate([c[None], cs[:-1]])
  previous_h = jnp.concatenate([h[None], hs[:-1]])
  values, rebuild = _differentiable((small, tap))
  to_h, to_m = _transposed(matrices)

  def emit(values, p):
    return recurrence.emit(rebuild(values)[1], p)

  def pointwise(values, z, c):
    return recurrence.pointwise(*rebuild(values), z, c)

  def body(carry, frame):
    dc, dh, sums = carry
    z, c, p, dc_t, dh_t = frame
    emitted, dp = jax.vjp(emit, values, p)[1](dh + dh_t)
    pointed, dz, dc = jax.vjp(pointwise, values, z, c)[1]((dc + dc_t, to_m(dp)))
    sums = [a + b + c for a, b, c in zip(sums, emitted, pointed, strict=True)]
    return (dc, to_h(dz), sums), (dz, dp)

  zeros = (jnp.zeros_like(c), jnp.zeros_like(h), [jnp.zeros_like(value) for value in values])
  frames = (zs, previous_c, project(ms, matrices.projection), *cotangents)
  (dc, dh, sums), (dz, dp) = jax.lax.scan(body, zeros, frames, reverse=True)
  dmatrices = Matrices(
    _over_frames(xs, dz, matrices.inputs),
    _over_frames(previous_h, dz, matrices.recurrent),
    None if matrices.projection is None else _over_frames(ms, dp, matrices.projection),
  )
  dxs = product(dz.reshape(*xs.shape[:2], -1), _flat(matrices.inputs).T)
  return dmatrices, *rebuild(sums, blank=True), dxs, dc, dh


recur.defvjp(_forward, _backward)


def _flat(kernel: Array) -> Array:
  return kernel.reshape(kernel.shape[0], -1)


def _transposed(matrices: Matrices) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
  """dz -> dL/dh_{t-1} and dp -> dL/dm, with the transposes made once."""
  recurrent = _flat(matrices.recurrent).T
  projection = None if matrices.projection is None else matrices.projection.T
  return (
    lambda dz: product(dz.reshape(dz.shape[0], -1), recurrent),
    lambda dp: project(dp, projection),
  )


def _over_frames(
  a: Float[Array, "T B K"], b: Float[Array, "T B *L"], like: Float[Array, "K *L"]
) -> Float[Array, "K *L"]:
  """sum over T and B of a' b, as one matmul in the precision of the matrix whose gradient it is."""
  a, b = a.astype(like.dtype), b.astype(like.dtype).reshape(*b.shape[:2], -1)
  # Merging T and B by a reshape would gather the whole batch on every device: B is sharded.
  return jax.lax.dot_general(a, b, (((0, 1), (0, 1)), ((), ()))).reshape(like.shape)


def _differentiable(tree: Any) -> tuple[list[Array], Callable[..., Any]]:
  """The floating-point leaves, and a function that builds the tree again from other values.

  It takes the leaves that are no floats as they were, or None in their place: as a cotangent that
  says that there is none.
  """
  leaves, structure = jax.tree.flatten(tree)
  floats = [
    k for k, leaf in enumerate(leaves) if jnp.issubdtype(jnp.result_type(leaf), jnp.inexact)
  ]

  def rebuild(values: list[Array], blank: bool = False) -> Any:
    filled = [None] * len(leaves) if blank else list(leaves)
    for k, value in zip(floats, values, strict=True):
      filled[k] = value
    return structure.unflatten(filled)

  return [leaves[k] for k in floats], rebuild
