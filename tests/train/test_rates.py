import math

import numpy as np
import optax
import pytest

from edge_rnnt.train import rates


def test_warmup_cosine_by_hand():
  rate = rates.warmup_cosine(2.0, warmup_steps=4, total_steps=14, final=0.2)
  expected = {0: 0.5, 1: 1.0, 3: 2.0, 4: 2.0, 9: 1.1, 14: 0.2, 99: 0.2}
  for step, value in expected.items():
    np.testing.assert_allclose(rate(step), value, rtol=1e-6, err_msg=f"step {step}")


def test_cosine_agrees_with_optax():
  ours, theirs = rates.cosine(3.0, steps=50), optax.cosine_decay_schedule(3.0, 50)
  for step in (0, 7, 25, 49, 50, 80):
    np.testing.assert_allclose(ours(step), theirs(step), atol=1e-6)


def test_a_second_warmup_where_a_stage_begins():
  rate = rates.product(rates.warmup(2), rates.warmup(5, begin=10), rates.cosine(1.0, steps=100))
  assert float(rate(9)) == 0.0
  for step in (10, 12, 14, 20):
    decay = (1 + math.cos(math.pi * step / 100)) / 2
    np.testing.assert_allclose(rate(step), min((step - 9) / 5, 1) * decay, rtol=1e-6)


@pytest.mark.parametrize(
  "build",
  [
    lambda: rates.warmup(0),
    lambda: rates.warmup(5, begin=-1),
    lambda: rates.cosine(1.0, steps=0),
    lambda: rates.warmup_cosine(1.0, warmup_steps=10, total_steps=10),
  ],
)
def test_what_can_be_no_rate_is_refused_when_built(build):
  with pytest.raises(ValueError):
    build()


def test_exponential_is_optax_exponential_decay_after_a_hold():
  ours = rates.exponential(4e-3, steps=60, begin=40, final=1e-5)
  theirs = optax.exponential_decay(4e-3, 60, 1e-5 / 4e-3, transition_begin=40, end_value=1e-5)
  for step in (0, 39, 40, 41, 77, 99, 100, 500):
    np.testing.assert_allclose(ours(step), theirs(step), rtol=1e-5)
  with pytest.raises(ValueError, match="above 0"):
    rates.exponential(1e-3, steps=10, final=0.0)


def test_inverse_square_root_is_the_transformer_s():
  """d^-0.5 min(n^-0.5, n w^-1.5), whose peak is d^-0.5 w^-0.5, with n from 1 on."""
  width, warm = 512, 400
  decay = rates.inverse_square_root((width * warm) ** -0.5, warmup_steps=warm)
  rate = rates.product(rates.warmup(warm), decay)
  for n in (1, 10, 399, 400, 401, 10_000):
    expected = width**-0.5 * min(n**-0.5, n * warm**-1.5)
    np.testing.assert_allclose(rate(n - 1), expected, rtol=1e-5)
  with pytest.raises(ValueError, match="warmup_steps"):
    rates.inverse_square_root(1.0, warmup_steps=0)


def test_inverse_square_root_begins_late_and_ends_at_its_final_rate():
  rate = rates.inverse_square_root(2.0, warmup_steps=9, begin=100, final=0.5)
  # 2 sqrt(9 / n) with n = step - 99, and 0.5 from n = 144 on.
  for step, expected in {0: 2.0, 108: 2.0, 135: 1.0, 180: 2 / 3, 243: 0.5, 900: 0.5}.items():
    assert float(rate(step)) == pytest.approx(expected, rel=1e-6)
