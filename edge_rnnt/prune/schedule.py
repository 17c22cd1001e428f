"""Sparsity by step. A schedule is any function from a step to the share of weights to prune."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

Schedule = Callable[[jax.typing.ArrayLike], jax.typing.ArrayLike]


def cubic(
  begin: int, end: int, final: float, *, initial: float = 0.0, exponent: float = 3.0
) -> Schedule:
  """Fast at first, while there is much to spare, and ever slower (Zhu & Gupta 2017, equation 1).

      p = clip((step - begin) / (end - begin), 0, 1)
      s = final + (initial - final) (1 - p)^exponent

  Steps are updates of the optimizer. Raises ValueError for an empty span or a sparsity outside [0,
  1].
  """
  if not 0 <= begin < end:
    raise ValueError(f"cubic needs 0 <= begin < end, got begin={begin}, end={end}")
  if exponent <= 0:
    raise ValueError(f"exponent must be positive, got {exponent}")
  _check_sparsity(final)
  _check_sparsity(initial)

  def schedule(step: jax.typing.ArrayLike) -> jax.typing.ArrayLike:
    p = jnp.clip((jnp.asarray(step, jnp.float32) - begin) / (end - begin), 0.0, 1.0)
    return final + (initial - final) * (1.0 - p) ** exponent

  return schedule


def constant(sparsity: float) -> Schedule:
  """The same sparsity at every step."""
  _check_sparsity(sparsity)
  return lambda step: jnp.full_like(jnp.asarray(step, jnp.float32), sparsity)


def one_shot(step: int, final: float) -> Schedule:
  """Dense before `step`, `final` from it on."""
  return piecewise({0: constant(0.0), step: constant(final)} if step else {0: constant(final)})


def piecewise(schedules: Mapping[int, Schedule]) -> Schedule:
  """Each schedule from its step on, until the next one's; all read the same global step.

  0 -> 50 %, hold, -> 80 %, hold:

      piecewise({0: cubic(300, 500, 0.5), 800: cubic(800, 1000, 0.8, initial=0.5)})

  Raises ValueError unless the steps ascend from 0.
  """
  begins = list(schedules)
  if not begins or begins[0] != 0 or begins != sorted(set(begins)):
    raise ValueError(f"piecewise needs ascending steps that start with 0, got {begins}")

  def schedule(step: jax.typing.ArrayLike) -> jax.typing.ArrayLike:
    sparsity = schedules[0](step)
    for begin in begins[1:]:
      sparsity = jnp.where(jnp.asarray(step) >= begin, schedules[begin](step), sparsity)
    return sparsity

  return schedule


def _check_sparsity(sparsity: float) -> None:
  if not 0.0 <= sparsity <= 1.0:
    raise ValueError(f"sparsity is a share of weights, between 0 and 1; got {sparsity}")
