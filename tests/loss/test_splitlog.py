"""Logarithms in two parts: equal to logaddexp in float64, at any size and distance."""

import hypothesis
import hypothesis.strategies as st
import jax.numpy as jnp
import numpy as np

from edge_rnnt.loss.splitlog import IMPOSSIBLE, SplitLog, difference, larger, plus, times

parts = st.tuples(st.integers(-(2**20), 0), st.floats(-0.5, 0.5, width=32))


def split(x) -> SplitLog:
  return SplitLog(jnp.float32(x[0]), jnp.float32(x[1]))


def exact(x: SplitLog) -> float:
  return float(x.hi) + float(x.lo)


@hypothesis.given(parts, parts, st.floats(-40, 0, width=32))
@hypothesis.settings(max_examples=100, deadline=None, derandomize=True)
def test_parts_keep_what_one_float32_would_lose(x, y, weight):
  x, y = times(split(x), jnp.float32(weight)), split(y)
  sum_of_both, most = plus(x, y), larger(x, y)
  np.testing.assert_allclose(difference(x, y), exact(x) - exact(y), rtol=1e-6, atol=5e-6)
  np.testing.assert_allclose(exact(most), max(exact(x), exact(y)), rtol=0, atol=5e-6)
  expected = np.logaddexp(exact(x), exact(y))
  np.testing.assert_allclose(exact(sum_of_both), expected, rtol=0, atol=5e-6)
  assert abs(sum_of_both.lo) <= 0.5 and sum_of_both.hi == np.round(sum_of_both.hi)


def test_impossible_absorbs():
  never, often = split((IMPOSSIBLE, 0.0)), split((-3, 0.25))
  assert exact(plus(never, often)) == exact(often) == exact(larger(often, never))
  assert exact(plus(never, times(often, jnp.float32(IMPOSSIBLE)))) <= IMPOSSIBLE
