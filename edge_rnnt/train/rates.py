"""Learning rates by step. Factors multiply: a cosine, a warm-up, another where a stage begins."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

Rate = Callable[[jax.typing.ArrayLike], jax.typing.ArrayLike]


def warmup(steps: int, *, begin: int = 0) -> Rate:
  """A factor: 0 until `begin`, then in a straight line to 1 within `steps`, and 1 from there on.

      clip((step - begin + 1) / steps, 0, 1)        from `begin` on; its first update is not lost

  With `begin` where a stage begins it holds back parameters that the stage is the first to use.
  """
  if steps < 1 or begin < 0:
    raise ValueError(f"a warm-up needs steps >= 1 and begin >= 0, got {steps} and {begin}")

  def rate(step: jax.typing.ArrayLike) -> jax.typing.ArrayLike:
    done = jnp.asarray(step, jnp.float32) - begin
    return jnp.where(done < 0, 0.0, jnp.minimum((done + 1) / steps, 1.0))

  return rate


def cosine(peak: float, *, steps: int, begin: int = 0, final: float = 0.0) -> Rate:
  """`peak` until `begin`, then half a cosine down to `final` at `begin + steps`, where it stays.

  p = clip((step - begin) / steps, 0, 1)
  final + (peak - final) (1 + cos(pi p)) / 2
  """
  if steps < 1 or begin < 0:
    raise ValueError(f"a decay needs steps >= 1 and begin >= 0, got {steps} and {begin}")

  def rate(step: jax.typing.ArrayLike) -> jax.typing.ArrayLike:
    p = jnp.clip((jnp.asarray(step, jnp.float32) - begin) / steps, 0.0, 1.0)
    return final + (peak - final) * (1 + jnp.cos(jnp.pi * p)) / 2

  return rate


def exponential(peak: float, *, steps: int, begin: int = 0, final: float) -> Rate:
  """`peak` until `begin`, then down by the same factor every step to `final` at `begin + steps`.

  p = clip((step - begin) / steps, 0, 1)
  peak (final / peak)^p

  Begun late it is "hold, then decay", as in the MLPerf training recipe for RNN-T.
  """
  if steps < 1 or begin < 0 or peak <= 0 or final <= 0:
    raise ValueError(
      f"an exponential decay needs steps >= 1, begin >= 0 and rates above 0, got {steps}, {begin}, "
      f"{peak} and {final}"
    )

  def rate(step: jax.typing.ArrayLike) -> jax.typing.ArrayLike:
    p = jnp.clip((jnp.asarray(step, jnp.float32) - begin) / steps, 0.0, 1.0)
    return peak * (final / peak) ** p

  return rate


def inverse_square_root(
  peak: float, *, warmup_steps: int, begin: int = 0, final: float = 0.0
) -> Rate:
  """`peak` for `warmup_steps` from `begin` on, then down with the root of the step, to `final`.

  n = step - begin + 1
  max(peak sqrt(warmup_steps / max(n, warmup_steps)), final)

  Times a warm-up of as many steps it is the schedule of the Transformer (Vaswani et al. 2017).
  """
  if warmup_steps < 1 or begin < 0:
    raise ValueError(
      "an inverse square root needs warmup_steps >= 1 and begin >= 0, got "
      f"{warmup_steps} and {begin}"
    )

  def rate(step: jax.typing.ArrayLike) -> jax.typing.ArrayLike:
    n = jnp.asarray(step, jnp.float32) - begin + 1
    return jnp.maximum(peak * jnp.sqrt(warmup_steps / jnp.maximum(n, warmup_steps)), final)

  return rate


def warmup_cosine(peak: float, *, warmup_steps: int, total_steps: int, final: float = 0.0) -> Rate:
  """Up in a straight line, then down half a cosine to `final` at `total_steps`."""
  if warmup_steps >= total_steps:
    raise ValueError(f"{warmup_steps} warm-up steps leave nothing of {total_steps} steps")
  decay = cosine(peak, steps=total_steps - warmup_steps, begin=warmup_steps, final=final)
  return product(warmup(warmup_steps), decay)


def product(*rates: Rate) -> Rate:
  """All the rates multiplied."""

  def rate(step: jax.typing.ArrayLike) -> jax.typing.ArrayLike:
    value = jnp.ones(())
    for each in rates:
      value = value * each(step)
    return value

  return rate
