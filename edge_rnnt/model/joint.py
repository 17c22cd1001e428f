"""The joint network: what was heard and what is expected -> one score per word-piece.

    logits = tanh(encoded W_e + predicted W_p + b) W_o + b_o

The two projections are apart from the rest, since each is made once per frame or per label, while
`combine` runs for every pair of them. Taps: encoder_kernel [P J], prediction_kernel [P J],
output_kernel [J V], encoded [.. P], predicted [.. P], sum [.. J] (what tanh sees), hidden [.. J].
"""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from edge_rnnt.cells.cell import IDENTITY, Initializers, Params, Tap
from edge_rnnt.cells.initializers import glorot
from edge_rnnt.cells.product import product
from edge_rnnt.model.config import RNNTConfig


def project_encoded(
  params: Params, encoded: Float[Array, "... P"], tap: Tap = IDENTITY
) -> Float[Array, "... J"]:
  """encoded W_e."""
  return product(tap("encoded", encoded), tap("encoder_kernel", params["encoder"]))


def project_predicted(
  params: Params, predicted: Float[Array, "... P"], tap: Tap = IDENTITY
) -> Float[Array, "... J"]:
  """predicted W_p + b."""
  kernel = tap("prediction_kernel", params["prediction"])
  return product(tap("predicted", predicted), kernel) + params["bias"]


def combine(
  params: Params, heard: Float[Array, "... J"], expected: Float[Array, "... J"], tap: Tap = IDENTITY
) -> Float[Array, "... V"]:
  """Logits of projected inputs, tanh(heard + expected) W_o + b_o; leading axes broadcast."""
  hidden = tap("hidden", jnp.tanh(tap("sum", heard + expected)))
  logits = product(hidden, tap("output_kernel", params["output_kernel"]))
  return logits + params["output_bias"]


def join(
  params: Params,
  encoded: Float[Array, "... P"],
  predicted: Float[Array, "... Q"],
  tap: Tap = IDENTITY,
) -> Float[Array, "... V"]:
  """Logits of encoder and prediction outputs; leading axes broadcast."""
  heard = project_encoded(params, encoded, tap)
  return combine(params, heard, project_predicted(params, predicted, tap), tap)


def joint_initializers(config: RNNTConfig) -> Initializers:
  """A function of a key for every parameter."""
  joint, vocabulary = config.joint_dim, config.vocab_size
  return {
    "encoder": partial(glorot, (config.encoder_dim, joint)),
    "prediction": partial(glorot, (config.prediction_dim, joint)),
    "bias": partial(_zeros, joint),
    "output_kernel": partial(glorot, (joint, vocabulary)),
    "output_bias": partial(_zeros, vocabulary),
  }


class Joint(nn.Module):
  """Holds the joint network's parameters."""

  config: RNNTConfig

  def setup(self) -> None:
    initializers = joint_initializers(self.config)
    self.tensors = {name: self.param(name, init) for name, init in initializers.items()}

  def __call__(
    self,
    encoded: Float[Array, "... P"],
    predicted: Float[Array, "... Q"],
    tap: Tap = IDENTITY,
  ) -> Float[Array, "... V"]:
    return join(self.tensors, encoded, predicted, tap)


class CTCHead(nn.Module):
  """encoded kernel + bias: a second output that teaches the encoder, left behind on export."""

  config: RNNTConfig

  def setup(self) -> None:
    config = self.config
    self.kernel = self.param("kernel", partial(glorot, (config.encoder_dim, config.vocab_size)))
    self.bias = self.param("bias", partial(_zeros, config.vocab_size))

  def __call__(self, encoded: Float[Array, "... P"]) -> Float[Array, "... V"]:
    return product(encoded, self.kernel) + self.bias


class SimpleHead(nn.Module):
  """predicted kernel, added to the CTC head's output: a joint network that is a sum.

  It begins at 0. Where the encoder has learned by CTC before, the alignments of this sum are CTC's
  from the first update on; with an encoder's head of its own it may learn to guess the first label
  before anything is heard, and mislead the windows of the pruned loss (loss/pruned.py).
  """

  config: RNNTConfig

  def setup(self) -> None:
    shape = (self.config.prediction_dim, self.config.vocab_size)
    self.kernel = self.param("kernel", partial(_zeros, shape))

  def __call__(self, predicted: Float[Array, "... Q"]) -> Float[Array, "... V"]:
    return product(predicted, self.kernel)


def _zeros(shape: int | tuple[int, ...], key: Key[Array, ""]) -> Float[Array, "*n"]:
  del key
  return jnp.zeros(shape, jax.dtypes.canonicalize_dtype(float))
