import jax
import jax.numpy as jnp

from edge_rnnt.evaluate import blocks
from edge_rnnt.prune import schedule, transform

KERNEL = "layer_0/kernel"


def params_of(kernel) -> dict:
  return {"layer_0": {"kernel": jnp.asarray(kernel, jnp.float32)}}


def masked(kernel) -> transform.PruneState:
  """The larger half of the blocks of 2x1 stays."""
  link = transform.gradual(schedule.constant(0.5), block=(2, 1), select={".*": 1.0})
  return jax.jit(link.init)(params_of(kernel))


def test_a_kernel_counted_by_hand():
  """Two rows of blocks, the second cut short: of the means 1, 2, 3 and of 4, 0, 7 three stay."""
  kernel = [[1, 2, 6], [1, 2, 0], [4, 0, 7]]
  # One of the four weights that stay is zero, and no mask made it so.
  assert blocks.count(params_of(kernel), masked(kernel)) == {
    KERNEL: blocks.Blocks((3, 3), blocks=6, kept=3, pruned=5, zeros=5, zeros_elsewhere=1)
  }


def test_a_pruned_weight_that_is_not_zero_is_noticed():
  kernel = [[1, 5], [1, 5]]
  state = masked(kernel)
  kernel[0][0] = jnp.nan  # less itself, as the zero of a pruned weight is made, that is no zero
  found = blocks.count(params_of(kernel), state)[KERNEL]
  assert (found.pruned, found.zeros) == (2, 1)
