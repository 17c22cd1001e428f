"""A random model that talks: greedy search is only tested by one that really emits labels."""

from collections.abc import Callable

import jax
import pytest

from edge_rnnt.model.rnnt import RNNTConfig, init


@pytest.fixture(scope="session")
def talkative() -> Callable[..., dict]:
  """Config -> parameters under which frames emit none, one, several or endlessly many labels."""

  def parameters(config: RNNTConfig, blank: float = 2.0) -> dict:
    params = init(config, jax.random.key(2))
    joint, keys = params["joint"], jax.random.split(jax.random.key(3), 2)
    # Large weights let the logits depend on frame and history; `blank` is its bias.
    for name, key in zip(("encoder", "prediction"), keys, strict=True):
      joint[name] = 8 * jax.random.normal(key, joint[name].shape)
    joint["output_bias"] = joint["output_bias"].at[-1].set(blank)
    return params

  return parameters
