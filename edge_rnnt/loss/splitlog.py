"""Logarithms of probabilities as hi + lo: hi an integer, lo at most about 1/2.

A float32 near -4000, the log-likelihood of a long utterance, is 2e-4 away from its neighbours, and
posteriors, which are differences of such numbers, would be no better. Sums and differences of the
integers are exact, so that only small numbers are ever rounded.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

# The logarithm of zero. Finite, so that the difference of two of them is a number.
IMPOSSIBLE = -1e30


class SplitLog(NamedTuple):
  hi: Float[Array, "*n"]
  lo: Float[Array, "*n"]


def times(x: SplitLog, weight: Float[Array, "*n"]) -> SplitLog:
  """The product with a probability whose logarithm is `weight`."""
  return SplitLog(x.hi, x.lo + weight)


def difference(x: SplitLog, y: SplitLog) -> Float[Array, "*n"]:
  return (x.hi - y.hi) + (x.lo - y.lo)


def larger(x: SplitLog, y: SplitLog) -> SplitLog:
  return _settle(_choose(difference(x, y) >= 0, x, y))


def plus(x: SplitLog, y: SplitLog) -> SplitLog:
  """The sum of the probabilities: the larger logarithm, plus log(1 + exp(-their distance))."""
  d = difference(x, y)
  return _settle(times(_choose(d >= 0, x, y), jnp.log1p(jnp.exp(-jnp.abs(d)))))


def _choose(which, x: SplitLog, y: SplitLog) -> SplitLog:
  return SplitLog(jnp.where(which, x.hi, y.hi), jnp.where(which, x.lo, y.lo))


def _settle(x: SplitLog) -> SplitLog:
  """Move the integer part of lo to hi."""
  whole = jnp.round(x.lo)
  return SplitLog(x.hi + whole, x.lo - whole)
