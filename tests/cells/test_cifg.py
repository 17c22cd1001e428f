"""CIFG is an LSTM whose input gate is 1 - f."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.cells.cifg import CIFG
from edge_rnnt.cells.lstm import LSTM


@pytest.mark.parametrize(("projection", "layer_norm"), [(None, False), (3, True)])
def test_equals_the_lstm_whose_input_gate_is_one_minus_f(projection, layer_norm):
  sizes = {"cells": 5, "projection": projection, "layer_norm": layer_norm, "forget_bias": 0.7}
  cifg, lstm = CIFG(**sizes), LSTM(**sizes)
  rng = np.random.default_rng(0)
  params = {
    name: jnp.asarray(rng.standard_normal(x.shape), jnp.float32)
    for name, x in jax.eval_shape(lambda: cifg.init(jax.random.key(0), 4)).items()
  }
  # sigmoid(-n) = 1 - sigmoid(n): the LSTM's input gate gets the forget gate's columns, negated.
  f_columns, f_bias = params["kernel"][:, :5], params["bias"][:5] + 0.7
  wider = {
    "kernel": jnp.concatenate([-f_columns, params["kernel"]], axis=1),
    "bias": jnp.concatenate([-f_bias, params["bias"]]),
  }
  if layer_norm:
    wider["gain"] = jnp.concatenate([params["gain"][:5], params["gain"]])
  if projection:
    wider["projection"] = params["projection"]
  xs, lengths = jax.random.normal(jax.random.key(1), (2, 9, 4)), jnp.array([9, 6])
  got = jax.jit(cifg.unroll)(params, cifg.initial_state(2), xs, lengths)
  want = jax.jit(lstm.unroll)(wider, lstm.initial_state(2), xs, lengths)
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=2e-6), got, want)
