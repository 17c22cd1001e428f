"""Two means that weigh labels or utterances alike."""

import jax.numpy as jnp
import numpy as np

from edge_rnnt.loss.reduction import mean_of_label_means, mean_per_label


def test_means():
  losses, lengths = jnp.array([6.0, 2.0, 5.0]), jnp.array([3, 1, 0])
  np.testing.assert_allclose(mean_per_label(losses, lengths), 13 / 5)
  np.testing.assert_allclose(mean_of_label_means(losses, lengths), (2 + 2 + 5) / 3)
