"""A recurrence whose matrices are kept out of the loops as far as the maths allow.

  z_t = inputs_t + h_{t-1} R            inputs = x W came from one matmul over all frames
  c_t, m_t = pointwise(z_t, c_{t-1})
  h_t = emit(m_t Q)                     h_t = emit(m_t) without a projection

The reverse scan carries only what recurs, (dc, dh). All parameter gradients are formed after it,
each by one operation over all frames: dR = sum_t h_{t-1}' dz_t, dQ = sum_t m_t' dp_t, and
dinputs = dz gives dW and dx where `inputs` was made. Plain autodiff of the scan would instead add
matrices of the size of R and Q in every step.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Recurrence(NamedTuple):
  """The two pointwise functions of a cell; hashable, as they are static to the custom gradient."""

  pointwise: Callable[..., tuple[Array, Array]]
  """(small params, tap, z [B G H], c [B H]) -> (c [B H], m [B H])"""
  emit: Callable[..., Array]
  """(tap, p [B P]) -> h [B P]"""


def matmul(x: Float[Array, "... D"], kernel: Float[Array, "D *gates"]) -> Array:
  """x @ kernel for a kernel whose columns may be split into gates."""
  flat = kernel.reshape(kernel.shape[0], -1)
  return (x @ flat).reshape(*x.shape[:-1], *kernel.shape[1:])


def _project(m: Array, projection: Array | None) -> Array:
  return m if projection is None else m @ projection


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def recur(
  recurrence: Recurrence,
  inputs: Float[Array, "T B G H"],
  recurrent: Float[Array, "P G H"],
  projection: Float[Array, "H P"] | None,
  small: Any,
  tap: Any,
  c: Float[Array, "B H"],
  h: Float[Array, "B P"],
) -> tuple[Float[Array, "T B H"], Float[Array, "T B P"]]:
  """All states (c_t, h_t) of the recurrence from (c, h); see the header for its gradient."""
  states, _ = _forward(recurrence, inputs, recurrent, projection, small, tap, c, h)
  return states


def _forward(recurrence, inputs, recurrent, projection, small, tap, c, h):
  def body(state, inputs_t):
    c, h = state
    z = inputs_t + matmul(h, recurrent)
    c, m = recurrence.pointwise(small, tap, z, c)
    h = recurrence.emit(tap, _project(m, projection))
    return (c, h), (c, h, z, m)

  _, (cs, hs, zs, ms) = jax.lax.scan(body, (c, h), inputs)
  return (cs, hs), (cs, hs, zs, ms, recurrent, projection, small, tap, c, h)


def _backward(recurrence, saved, cotangents):
  cs, hs, zs, ms, recurrent, projection, small, tap, c, h = saved
  previous_c = jnp.concatenate([c[None], cs[:-1]])
  previous_h = jnp.concatenate([h[None], hs[:-1]])
  ps = _project(ms, projection)
  transposed = recurrent.reshape(recurrent.shape[0], -1).T

  def body(carry, frame):
    dc, dh = carry
    z, c, p, dc_t, dh_t = frame
    dc, dh = dc + dc_t, dh + dh_t
    (dp,) = jax.vjp(partial(recurrence.emit, tap), p)[1](dh)
    dm = dp if projection is None else dp @ projection.T
    dz, dc_before = jax.vjp(partial(recurrence.pointwise, small, tap), z, c)[1]((dc, dm))
    dh_before = dz.reshape(dz.shape[0], -1) @ transposed
    return (dc_before, dh_before), (dz, dp, dc, dm, dh)

  zeros = (jnp.zeros_like(c), jnp.zeros_like(h))
  frames = (zs, previous_c, ps, *cotangents)
  (dc, dh), (dz, dp, dcs, dms, dhs) = jax.lax.scan(body, zeros, frames, reverse=True)

  # What does not recur is differentiated once, over all frames.
  def over_frames(small, tap):
    return recurrence.pointwise(small, tap, zs, previous_c), recurrence.emit(tap, ps)

  dsmall, dtap = jax.vjp(over_frames, small, tap)[1](((dcs, dms), dhs))
  drecurrent = jnp.einsum("tbp,tbgh->pgh", previous_h, dz)
  dprojection = None if projection is None else jnp.einsum("tbh,tbp->hp", ms, dp)
  return dz, drecurrent, dprojection, dsmall, dtap, dc, dh


recur.defvjp(_forward, _backward)
