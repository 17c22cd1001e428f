import fractions

import jax
import numpy as np
import optax
import pytest

from edge_rnnt.prune import schedule


@pytest.mark.parametrize(
  ("initial", "final", "exponent"), [(0.0, 0.8, 3.0), (0.5, 0.9, 3.0), (0.1, 0.5, 2.0)]
)
def test_cubic_is_the_formula_of_zhu_and_gupta(initial, final, exponent):
  begin, end = 30, 130
  rise = schedule.cubic(begin, end, final, initial=initial, exponent=exponent)
  exact_initial, exact_final = fractions.Fraction(initial), fractions.Fraction(final)
  for step in range(0, 200, 7):
    left = 1 - fractions.Fraction(min(max(step - begin, 0), end - begin), end - begin)
    expected = exact_final + (exact_initial - exact_final) * left ** int(exponent)
    np.testing.assert_allclose(rise(step), float(expected), atol=1e-6)


def test_cubic_agrees_with_optax_polynomial_schedule():
  ours = schedule.cubic(10, 60, 0.8, initial=0.2)
  theirs = optax.polynomial_schedule(0.2, 0.8, power=3, transition_steps=50, transition_begin=10)
  steps = np.arange(100)
  np.testing.assert_allclose(jax.vmap(ours)(steps), jax.vmap(theirs)(steps), atol=1e-6)


def test_one_shot_and_constant():
  jump = jax.jit(schedule.one_shot(5, 0.7))
  np.testing.assert_allclose([jump(4), jump(5), jump(500)], [0.0, 0.7, 0.7], rtol=1e-6)
  np.testing.assert_allclose(schedule.one_shot(0, 0.7)(0), 0.7, rtol=1e-6)
  np.testing.assert_allclose(schedule.constant(0.3)(11), 0.3, rtol=1e-6)


def test_piecewise_holds_between_two_rises():
  stairs = jax.jit(
    schedule.piecewise(
      {0: schedule.cubic(10, 20, 0.5), 30: schedule.cubic(30, 40, 0.8, initial=0.5)}
    )
  )
  steps = {0: 0.0, 10: 0.0, 15: 0.4375, 20: 0.5, 29: 0.5, 30: 0.5, 35: 0.7625, 40: 0.8, 99: 0.8}
  for step, expected in steps.items():
    np.testing.assert_allclose(stairs(step), expected, rtol=1e-6, err_msg=f"step {step}")


@pytest.mark.parametrize(
  "build",
  [
    lambda: schedule.cubic(10, 10, 0.5),
    lambda: schedule.cubic(0, 10, 1.5),
    lambda: schedule.cubic(0, 10, 0.5, initial=-0.1),
    lambda: schedule.cubic(0, 10, 0.5, exponent=0.0),
    lambda: schedule.constant(80.0),
    lambda: schedule.piecewise({}),
    lambda: schedule.piecewise({5: schedule.constant(0.5)}),
    lambda: schedule.piecewise({0: schedule.constant(0.5), -3: schedule.constant(0.1)}),
  ],
)
def test_what_can_be_no_schedule_is_refused_when_built(build):
  with pytest.raises(ValueError):
    build()
