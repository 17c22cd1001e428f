"""The tensors of one utterance in every runtime, under the same names and in the order of the
computation, and where two runtimes part.

  features          [T, F], filled up to a whole group with zeros
  encoder/layer_k   [T, P], after the time reduction [T / reduction, P]
  encoded           [T / reduction, J]: the encoder's half of the joint network
  predicted         [U + 1, J]: the prediction network's half, after the blank and each token
  scores            [S, V]: of the frames and labels that the reference's tokens lead through

Integer: the numbers that the networks compute with, both halves as far as 16 bits hold them (as
LiteRT does; our engine's have 32). A runtime shows what can be seen of it. All are given the
reference's features and tokens, so that a difference shows where it arises.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from edge_rnnt.device.binding import NativeModel
from edge_rnnt.device.engine import Recognizer
from edge_rnnt.device.network import Network
from edge_rnnt.device.search import Token
from edge_rnnt.export.architecture import Architecture
from edge_rnnt.export.litert_runner import LiteRTRecognizer
from edge_rnnt.export.litert_runner import Network as Signature
from edge_rnnt.model.config import RNNTConfig
from edge_rnnt.model.encoder import encoder_cell
from edge_rnnt.model.joint import combine, project_encoded, project_predicted
from edge_rnnt.model.prediction import prediction_cell

Trace = dict[str, np.ndarray]


class Utterance(NamedTuple):
  """What all runtimes are shown."""

  features: np.ndarray
  labels: list[int]
  """The blank, and the reference's tokens."""
  path: list[tuple[int, int]]
  """Frame and number of labels before, wherever the joint network was asked."""


def utterance(recognizer: Recognizer, samples: np.ndarray, tokens: Sequence[Token]) -> Utterance:
  """As the reference hears and searches it."""
  architecture = recognizer.container.architecture
  features = recognizer.front_end.features(samples)
  missing = -len(features) % architecture.time_reduction
  features = np.pad(features, ((0, missing), (0, 0)))
  path, known = [], 0
  for frame in range(len(features) // architecture.time_reduction):
    here = sum(token.frame == frame for token in tokens)
    asked = min(here + 1, recognizer.max_symbols)
    path += [(frame, known + count) for count in range(asked)]
    known += here
  return Utterance(features, [architecture.blank, *(token.id for token in tokens)], path)


def reference(network: Network, shown: Utterance) -> Trace:
  """Of the NumPy engine."""
  encoder, joint = network.encoder, network.joint
  rows = [encoder.enter(row[None]) for row in shown.features]
  trace = {"features": shown.features}
  for number, layer in enumerate(encoder.layers):
    if number == encoder.below:
      groups = range(0, len(rows), encoder.reduction)
      rows = [np.concatenate(rows[at : at + encoder.reduction], axis=1) for at in groups]
    state, outputs = layer.initial_state(1), []
    for row in rows:
      state, out = layer.step(state, row)
      outputs.append(out)
    rows = outputs
    trace[f"encoder/layer_{number}"] = np.concatenate(rows)
  encoded = [joint.encoded(row) for row in rows]
  states, predicted = tuple(cell.initial_state(1) for cell in network.prediction), []
  for label in shown.labels:
    states, row = network.predict(states, np.array([label]))
    predicted.append(row)
  trace |= {"encoded": _narrow(encoded), "predicted": _narrow(predicted)}
  scores = [joint.scores(encoded[frame], predicted[count]) for frame, count in shown.path]
  return trace | {"scores": np.concatenate(scores)}


def _narrow(halves: list[np.ndarray]) -> np.ndarray:
  rows = np.concatenate(halves)
  return np.clip(rows, -32768, 32767) if np.issubdtype(rows.dtype, np.integer) else rows


def native(model: NativeModel, architecture: Architecture, samples: np.ndarray) -> Trace:
  """Of the native engine: its own features, and the encoder's layers."""
  stream = model.stream()
  rows = model.features(samples, architecture.feature_dim, 1600)
  rows = np.pad(rows, ((0, -len(rows) % architecture.time_reduction), (0, 0)))
  found: dict[str, list[np.ndarray]] = {layer.path: [] for layer in architecture.encoder}
  for time, row in enumerate(rows):
    stream.accept_features(row)
    whole = (time + 1) % architecture.time_reduction == 0
    for number, layer in enumerate(architecture.encoder):
      if number < architecture.time_reduction_after or whole:
        found[layer.path].append(stream.layer(0, number, layer.output_dim))
  return {"features": rows} | {name: np.stack(outputs) for name, outputs in found.items()}


def litert(recognizer: LiteRTRecognizer, shown: Utterance) -> Trace:
  """Of the exported file."""
  recognizer.reset()
  encode, predict = (Signature(recognizer.signatures[name]) for name in ("encode", "predict"))
  reduction = recognizer.architecture.time_reduction
  groups = shown.features.reshape(-1, reduction, 1, shown.features.shape[1])
  encoded = [encode(frames=group) for group in groups]
  predicted = [predict(token=np.array([[label]], np.int32)) for label in shown.labels]
  joint = recognizer.signatures["joint"]
  scores = [
    joint(encoded=encoded[frame], predicted=predicted[count])["logits"]
    for frame, count in shown.path
  ]
  parts = {"encoded": encoded, "predicted": predicted, "scores": scores}
  return {name: np.concatenate(rows) for name, rows in parts.items()}


def in_jax(params: Mapping[str, Any], config: RNNTConfig, shown: Utterance) -> Trace:
  """Of the model as it is trained, a whole utterance at a time."""
  xs, trace = jnp.asarray(shown.features)[None], {"features": shown.features}
  for number in range(config.encoder_layers):
    if number == config.time_reduction_after:
      xs = xs.reshape(1, -1, config.time_reduction * xs.shape[2])
    xs = _layer(encoder_cell(config), params["encoder"][f"layer_{number}"], xs)
    trace[f"encoder/layer_{number}"] = np.asarray(xs[0])
  encoded = project_encoded(params["joint"], xs[0])
  xs = params["prediction"]["embedding"][jnp.asarray(shown.labels)][None]
  for number in range(config.prediction_layers):
    xs = _layer(prediction_cell(config), params["prediction"][f"layer_{number}"], xs)
  predicted = project_predicted(params["joint"], xs[0])
  frames, counts = (jnp.asarray(each) for each in zip(*shown.path, strict=True))
  scores = combine(params["joint"], encoded[frames], predicted[counts])
  parts = {"encoded": encoded, "predicted": predicted, "scores": scores}
  return trace | {name: np.asarray(rows) for name, rows in parts.items()}


def _layer(cell: Any, params: Mapping[str, Any], xs: Any) -> Any:
  lengths = jnp.array([xs.shape[1]], jnp.int32)
  return cell.unroll(params, cell.initial_state(1), xs, lengths)[1]


class Difference(NamedTuple):
  """A tensor of two runtimes; error: the largest deviation of a row; size: root mean square."""

  name: str
  row: int
  error: float
  size: float

  def __str__(self) -> str:
    if not self.error:
      return "equal to the bit"
    return f"{self.name}[{self.row}]: off by {self.error:.2g} (rms {self.size:.2g})"


def compare(
  expected: Trace, found: Trace, tolerance: float
) -> tuple[Difference | None, Difference]:
  """The first tensor off by more than `tolerance` of its size, if any, and the worst of all.

  Raises ValueError for a tensor of another shape.
  """
  first, every = None, []
  for name, wanted in expected.items():
    if name not in found:
      continue
    if found[name].shape != wanted.shape:
      raise ValueError(f"{name} has shape {found[name].shape}, the reference {wanted.shape}")
    error = np.abs(found[name].astype(np.float64) - wanted).max(axis=1)
    size = float(np.sqrt(np.mean(np.square(wanted.astype(np.float64))))) or 1.0
    beyond = np.flatnonzero(~(error <= tolerance * size))  # a NaN is beyond, too
    row = int(beyond[0]) if len(beyond) else int(error.argmax())
    each = Difference(name, row, float(error[row]), size)
    first = first or (each if len(beyond) else None)
    every.append(each)
  return first, max(every, key=lambda each: each.error / each.size)
