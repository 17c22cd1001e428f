"""The tensors of one utterance in every runtime, under the same names and in the order of the
computation.

  features          [T, F], filled up to a whole group with zeros
  encoder/layer_k   [T, P], after the time reduction [T / reduction, P]
  encoded           [T / reduction, J]: the encoder's half of the joint network
  predicted         [U + 1, J]: the prediction network's half, after the blank and each token
  scores            [S, V]: of the frames and labels that the reference's tokens lead through

Integer: the numbers that the networks compute with, both halves as far as 16 bits hold them (as
LiteRT does; our engine's have 32). A runtime shows what can be seen of it. All are given the
reference's features (the native engine shows its own, too) and tokens, so that a difference shows
where it arises.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from edge_rnnt.device.binding import JOINT_PARTS, NativeModel
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

FILL = 64
"""Rows to a multiple of which JAX's utterances are filled up."""


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
  halves = {"encoded": np.concatenate(encoded), "predicted": np.concatenate(predicted)}
  integer = np.issubdtype(halves["encoded"].dtype, np.integer)
  trace |= {name: _narrow(rows) if integer else rows for name, rows in halves.items()}
  scores = [joint.scores(encoded[frame], predicted[count]) for frame, count in shown.path]
  return trace | {"scores": np.concatenate(scores)}


def _narrow(rows: np.ndarray) -> np.ndarray:
  return np.clip(rows, -32768, 32767)


def native(
  model: NativeModel,
  architecture: Architecture,
  samples: np.ndarray,
  shown: Utterance,
  integer: bool,
) -> Trace:
  """Of the native engine."""
  reduction = architecture.time_reduction
  own = model.features(samples, architecture.feature_dim, 1600)
  names = [layer.path for layer in architecture.encoder]
  found: dict[str, list[np.ndarray]] = {name: [] for name in (*names, *JOINT_PARTS)}
  stream, said = model.stream(), 0
  found["predicted"].append(stream.joint("predicted"))  # after the blank
  for time, row in enumerate(shown.features):
    stream.hear(row)
    frame, whole = time // reduction, (time + 1) % reduction == 0
    for number, layer in enumerate(architecture.encoder):
      if number < architecture.time_reduction_after or whole:
        found[layer.path].append(stream.layer(0, number, layer.output_dim))
    if not whole:
      continue
    found["encoded"].append(stream.joint("encoded"))
    for count in [count for at, count in shown.path if at == frame]:
      while said < count:
        said += 1
        stream.say(shown.labels[said])
        found["predicted"].append(stream.joint("predicted"))
      found["scores"].append(stream.joint("scores"))
  for label in shown.labels[said + 1 :]:
    stream.say(label)
    found["predicted"].append(stream.joint("predicted"))
  trace = {name: np.stack(rows) for name, rows in found.items()}
  if integer:
    trace |= {name: _narrow(trace[name]) for name in ("encoded", "predicted")}
  return {"features": np.pad(own, ((0, -len(own) % reduction), (0, 0)))} | trace


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
  rows, group = len(shown.features), config.time_reduction
  xs, trace = jnp.asarray(_filled(shown.features, FILL * group))[None], {"features": shown.features}
  for number in range(config.encoder_layers):
    if number == config.time_reduction_after:
      xs, rows = xs.reshape(1, -1, group * xs.shape[2]), rows // group
    xs = _layer(encoder_cell(config), params["encoder"][f"layer_{number}"], xs)
    trace[f"encoder/layer_{number}"] = np.asarray(xs[0, :rows])
  encoded = project_encoded(params["joint"], xs[0])
  labels = _filled(np.array(shown.labels), FILL)
  xs = params["prediction"]["embedding"][labels][None]
  for number in range(config.prediction_layers):
    xs = _layer(prediction_cell(config), params["prediction"][f"layer_{number}"], xs)
  predicted = project_predicted(params["joint"], xs[0])
  frames, counts = _filled(np.array(shown.path), FILL).T
  scores = combine(params["joint"], encoded[frames], predicted[counts])
  trace |= {"encoded": encoded[:rows], "predicted": predicted[: len(shown.labels)]}
  return {name: np.asarray(each) for name, each in trace.items()} | {
    "scores": np.asarray(scores[: len(shown.path)])
  }


def _filled(rows: np.ndarray, group: int) -> np.ndarray:
  """Zeros at the end, up to whole groups: few lengths are few programs to compile."""
  return np.pad(rows, [(0, -len(rows) % group), *[(0, 0)] * (rows.ndim - 1)])


def _layer(cell: Any, params: Mapping[str, Any], xs: Any) -> Any:
  lengths = jnp.array([xs.shape[1]], jnp.int32)
  return cell.unroll(params, cell.initial_state(1), xs, lengths)[1]
