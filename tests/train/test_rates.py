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
