"""The RNN-Transducer: encoder, prediction network and joint under one roof.

    model = RNNT(config)
    params = init(config, jax.random.key(0))
    encoded, lengths = model.apply({"params": params}, frames, lengths, method="encode")

Graves 2012, "Sequence Transduction with Recurrent Neural Networks"; He et al. 2018, "Streaming
End-to-end Speech Recognition for Mobile Devices".
"""

from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from edge_rnnt.cells.cell import IDENTITY, Tap
from edge_rnnt.model.config import RNNTConfig
from edge_rnnt.model.encoder import Encoder, initial_encoder_state
from edge_rnnt.model.joint import CTCHead, Joint, SimpleHead
from edge_rnnt.model.prediction import Prediction, initial_prediction_state
from edge_rnnt.shapes import Frames, Labels, Lengths


class StreamState(NamedTuple):
  """What the model remembers of a stream: one cell state per layer."""

  encoder: tuple
  prediction: tuple


class RNNT(nn.Module):
  """Encoder, prediction network and joint; every method takes a tap, scoped by part and layer.

  Parameters: encoder/layer_k, prediction/embedding, prediction/layer_k, joint; if asked for: ctc,
  simple.
  """

  config: RNNTConfig

  def setup(self) -> None:
    self.encoder = Encoder(self.config)
    self.prediction = Prediction(self.config)
    self.joint = Joint(self.config)
    if self.config.ctc:
      self.ctc = CTCHead(self.config)
    if self.config.simple:
      self.simple = SimpleHead(self.config)

  def encode(
    self, frames: Frames, lengths: Lengths, tap: Tap = IDENTITY
  ) -> tuple[Float[Array, "B T2 P"], Lengths]:
    """Whole utterances -> encoded frames and how many there are."""
    return self.encoder(frames, lengths, tap.scope("encoder"))

  def predict(self, labels: Labels, tap: Tap = IDENTITY) -> Float[Array, "B U1 P"]:
    """Row u is what labels[:u] let expect; labels in the padding may be any number."""
    return self.prediction(labels, tap.scope("prediction"))

  def join(
    self, encoded: Float[Array, "... P"], predicted: Float[Array, "... Q"], tap: Tap = IDENTITY
  ) -> Float[Array, "... V"]:
    """Logits; leading axes broadcast, so join(encoded[:, :, None], predicted[:, None]) is all."""
    return self.joint(encoded, predicted, tap.scope("joint"))

  def ctc_logits(self, encoded: Float[Array, "... P"]) -> Float[Array, "... V"]:
    """Logits of the auxiliary CTC head; raises ValueError if the model has none."""
    if not self.config.ctc:
      raise ValueError("this model has no CTC head: build it from a config with ctc=True")
    return self.ctc(encoded)

  def simple_logits(
    self, encoded: Float[Array, "*n P"], predicted: Float[Array, "*m Q"]
  ) -> tuple[Float[Array, "*n V"], Float[Array, "*m V"]]:
    """Whose sum is a joint network: of CTC and simple head; raises ValueError without these."""
    if not self.config.simple:
      raise ValueError("this model has no simple head: build it from a config with simple=True")
    return self.ctc_logits(encoded), self.simple(predicted)

  def encode_chunk(
    self, state: tuple, frames: Frames, tap: Tap = IDENTITY
  ) -> tuple[tuple, Float[Array, "B T2 P"]]:
    """The next frames of streams: StreamState.encoder -> the one after, and encoded frames.

    Raises ValueError unless T is a multiple of time_reduction.
    """
    return self.encoder.chunk(state, frames, tap.scope("encoder"))

  def predict_step(
    self, state: tuple, label: Int[Array, "B"], tap: Tap = IDENTITY
  ) -> tuple[tuple, Float[Array, "B P"]]:
    """One label (blank first): StreamState.prediction -> the one after, and what to expect."""
    return self.prediction.step(state, label, tap.scope("prediction"))

  @nn.nowrap
  def initial_state(self, batch: int) -> StreamState:
    """Streams that have heard nothing; needs no parameters."""
    return StreamState(
      initial_encoder_state(self.config, batch), initial_prediction_state(self.config, batch)
    )

  def __call__(self, frames: Frames, lengths: Lengths, labels: Labels) -> Float[Array, "B T2 U1 V"]:
    """All logits of a batch: what `init` traces, and a reference for small sizes."""
    encoded, _ = self.encode(frames, lengths)
    if self.config.ctc:
      self.ctc_logits(encoded)
    predicted = self.predict(labels)
    if self.config.simple:
      self.simple_logits(encoded, predicted)
    return self.join(encoded[:, :, None], predicted[:, None])


@partial(jax.jit, static_argnums=0)
def init(config: RNNTConfig, key: Key[Array, ""]) -> dict[str, Any]:
  """First parameters, a nested dict of float32 arrays."""
  frames = jnp.zeros((1, config.time_reduction, config.feature_dim))
  ones = jnp.ones((1,), jnp.int32)
  return RNNT(config).init(key, frames, ones, ones[:, None])["params"]
