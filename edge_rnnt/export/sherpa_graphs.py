"""The three ONNX graphs of a transducer as sherpa-onnx's streaming NeMo loader wants them.

  encoder  audio_signal [N, M, window], length [N],
           cache_last_channel [N, 1, 1, S]       c and h of every layer
           cache_last_time [N, M, context, 1]    the last frames, normalized, for stacking
           cache_last_channel_len [N]            passed through
           -> outputs [N, J, T], encoded_lengths [N], and the three caches after
  decoder  targets [N, 1], target_length [N], h and c [layers, N, width]
           -> outputs [N, J, 1], prednet_lengths [N], h and c after
  joiner   encoder_outputs [N, J, 1], decoder_outputs [N, J, 1] -> logits [N, 1, 1, V]

The loader goes by order, not by name, and reads the encoder's metadata
(csrc/online-transducer-nemo-model.cc). Both halves of the joint network's first product are in the
encoder and the decoder, as they are needed once per frame and once per token: J is its width. Rows
advance frame by frame in an unrolled graph; the inputs' products are taken for all frames at once.
"""

from typing import Any, NamedTuple

import numpy as np

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.export.container import Frozen
from edge_rnnt.export.decomposed import State, layer_weights, matrix, step
from edge_rnnt.export.layout import SCALE
from edge_rnnt.export.onnx_graph import OnnxGraph

CHUNK = 2
"""Encoded frames per call of the encoder."""


class Geometry(NamedTuple):
  """Frames of 10 ms, and what they become."""

  window: int
  """Frames that the encoder is given at a time."""
  subsampling: int
  """Frames per encoded frame."""
  rows: int
  """Stacked frames in a window."""
  context: int
  """Frames before the window that are kept for stacking; one at least, the loader needs an axis."""


def geometry(frozen: Frozen, front_end: FrontEnd, chunk: int) -> Geometry:
  """For `chunk` encoded frames at a time."""
  if chunk < 1:
    raise ValueError(f"a chunk is at least one encoded frame, got {chunk}")
  subsampling = frozen.architecture.time_reduction * front_end.stride
  context = max(front_end.stack - 1, 1)
  return Geometry(
    chunk * subsampling, subsampling, chunk * frozen.architecture.time_reduction, context
  )


def encoder(frozen: Frozen, front_end: FrontEnd, chunk: int, card: str) -> bytes:
  """The encoder over `chunk` encoded frames, and the metadata that the loader asks for."""
  architecture, sizes = frozen.architecture, geometry(frozen, front_end, chunk)
  mels, window, context = front_end.num_mels, sizes.window, sizes.context
  width = sum(layer.cells + layer.recurrent_dim for layer in architecture.encoder)
  shapes = {"channel": (1, 1, width), "time": (mels, context, 1)}
  graph = OnnxGraph("encoder")
  frames = graph.input("audio_signal", "float32", ("N", mels, window))
  graph.input("length", "int64", ("N",))
  cells = graph.input("cache_last_channel", "float32", ("N", *shapes["channel"]))
  before = graph.input("cache_last_time", "float32", ("N", *shapes["time"]))
  passed = graph.input("cache_last_channel_len", "int64", ("N",))

  z = _normalize(graph, front_end, graph.node("Transpose", frames, perm=[0, 2, 1]))
  kept = graph.node("Transpose", graph.reshape(before, 0, mels, context), perm=[0, 2, 1])
  joined = graph.concat([kept, z], axis=1)
  rows = _stack(graph, front_end, joined, sizes)
  rows, cells = _layers(graph, frozen, rows, graph.reshape(cells, 0, width), sizes)
  heard = graph.product(graph.concat(rows, axis=1), matrix(frozen.tensors, "joint/encoder"))
  heard = graph.node("Transpose", heard, perm=[0, 2, 1])
  lengths = graph.add(graph.multiply(passed, graph.integers(0)), graph.integers(chunk))
  after = graph.node("Transpose", graph.slice(joined, 1, window, window + context), perm=[0, 2, 1])

  graph.output(heard, "outputs", "float32", ("N", architecture.joint_dim, chunk))
  graph.output(lengths, "encoded_lengths", "int64", ("N",))
  next_cells = graph.reshape(cells, 0, *shapes["channel"])
  graph.output(next_cells, "cache_last_channel_next", "float32", ("N", *shapes["channel"]))
  next_frames = graph.reshape(after, 0, *shapes["time"])
  graph.output(next_frames, "cache_last_time_next", "float32", ("N", *shapes["time"]))
  graph.output(passed, "cache_last_channel_len_next", "int64", ("N",))
  return graph.to_bytes(_metadata(frozen, front_end, sizes, shapes, card), card)


def _metadata(
  frozen: Frozen, front_end: FrontEnd, sizes: Geometry, shapes: dict[str, tuple], card: str
) -> dict[str, Any]:
  architecture = frozen.architecture
  caches = {
    f"cache_last_{name}_dim{axis}": size
    for name, shape in shapes.items()
    for axis, size in enumerate(shape, start=1)
  }
  return caches | {
    "vocab_size": architecture.vocab_size - 1,  # NeMo doesn't count the blank
    "window_size": sizes.window,
    "chunk_shift": sizes.window,
    "subsampling_factor": sizes.subsampling,
    "normalize_type": "NA",  # the graph normalizes
    "pred_rnn_layers": architecture.prediction_layers,
    "pred_hidden": _prediction_width(frozen),
    "feat_dim": front_end.num_mels,
    "model_type": "EncDecRNNTBPEModel",
    "comment": card or "edge_rnnt",
  }


def _normalize(graph: OnnxGraph, front_end: FrontEnd, x: str) -> str:
  """As FrontEnd.normalize does."""
  if front_end.mean is None:
    return x
  mean = graph.constant("front_end/mean", np.float32(front_end.mean))
  std = graph.constant("front_end/std", np.float32(front_end.std))
  z = graph.node("Div", graph.subtract(x, mean), std)
  return z if front_end.clip is None else graph.clip(z, front_end.clip)


def _stack(graph: OnnxGraph, front_end: FrontEnd, joined: str, sizes: Geometry) -> list[str]:
  """[N, context + window, M] -> rows [N, 1, stack * M]; row k ends with the window's frame 3 k."""
  rows = []
  for number in range(sizes.rows):
    end = sizes.context + number * front_end.stride + 1
    row = graph.slice(joined, 1, end - front_end.stack, end)
    rows.append(graph.reshape(row, 0, 1, front_end.feature_dim))
  return rows


def _layers(
  graph: OnnxGraph, frozen: Frozen, rows: list[str], states: str, sizes: Geometry
) -> tuple[list[str], str]:
  """Rows [N, 1, F] of a window and states [N, S] -> encoded rows [N, 1, P], states after."""
  architecture, at, after = frozen.architecture, 0, []
  for number, layer in enumerate(architecture.encoder):
    xs = graph.concat(rows, axis=1)
    count = len(rows)
    if number == architecture.time_reduction_after:
      count //= architecture.time_reduction
      xs = graph.reshape(xs, 0, count, layer.input_dim)
    weights = layer_weights(frozen, layer)
    c = graph.slice(states, 1, at, at + layer.cells)
    at += layer.cells
    h = graph.slice(states, 1, at, at + layer.recurrent_dim) if layer.recurrent_dim else None
    at += layer.recurrent_dim
    state, rows, zs = State(c, h), [], graph.product(xs, weights.inputs)
    for time in range(count):
      state, out = step(graph, weights, graph.at(zs, time, axis=1), state)
      rows.append(graph.reshape(out, 0, 1, layer.output_dim))
    after += [part for part in state if part is not None]
  return rows, graph.concat(after, axis=1)


def _prediction_width(frozen: Frozen) -> int:
  """The loader keeps c and h in arrays of one width: h is filled up with zeros, or c is."""
  layers = frozen.architecture.prediction
  return max(max(layer.cells, layer.recurrent_dim) for layer in layers)


def decoder(frozen: Frozen, card: str) -> bytes:
  """The prediction network over one token, and its half of the joint network's first product."""
  architecture, width = frozen.architecture, _prediction_width(frozen)
  graph = OnnxGraph("decoder")
  tokens = graph.input("targets", "int32", ("N", 1))
  length = graph.input("target_length", "int32", ("N",))
  shape = (architecture.prediction_layers, "N", width)
  hs, cs = (graph.input(name, "float32", shape) for name in ("states_h", "states_c"))

  table = frozen.tensors["prediction/embedding"]
  if frozen.scheme != "float":
    table = table * frozen.tensors[f"prediction/embedding{SCALE}"]
  embedding = graph.constant("prediction/embedding", table)
  x = graph.reshape(graph.node("Gather", embedding, tokens, axis=0), -1, architecture.embedding_dim)
  after_h, after_c = [], []
  for number, layer in enumerate(architecture.prediction):
    weights = layer_weights(frozen, layer)
    c, h = (graph.at(part, number, axis=0) for part in (cs, hs))
    c = graph.slice(c, 1, 0, layer.cells)
    h = graph.slice(h, 1, 0, layer.recurrent_dim) if layer.recurrent_dim else None
    state, x = step(graph, weights, graph.product(x, weights.inputs), State(c, h))
    # An SRU's h is none: what was there goes on.
    h = graph.at(hs, number, axis=0) if state.h is None else state.h
    after_h.append(_filled(graph, h, width if state.h is None else layer.recurrent_dim, width))
    after_c.append(_filled(graph, state.c, layer.cells, width))
  half, bias = matrix(frozen.tensors, "joint/prediction"), frozen.tensors["joint/bias"]
  expected = graph.affine(x, half, "joint/bias", bias)

  expected = graph.reshape(expected, 0, architecture.joint_dim, 1)
  graph.output(expected, "outputs", "float32", ("N", architecture.joint_dim, 1))
  graph.output(length, "prednet_lengths", "int32", ("N",))
  graph.output(graph.concat(after_h, axis=0), "states_h_next", "float32", shape)
  graph.output(graph.concat(after_c, axis=0), "states_c_next", "float32", shape)
  return graph.to_bytes({}, card)


def _filled(graph: OnnxGraph, rows: str, width: int, wanted: int) -> str:
  """[N, width] -> [1, N, wanted] with zeros after."""
  if width < wanted:
    rows = graph.node("Pad", rows, graph.integers(0, 0, 0, wanted - width))
  return graph.reshape(rows, 1, -1, wanted)


def joiner(frozen: Frozen, card: str) -> bytes:
  """Logits of an encoded frame and a prediction, tanh(heard + expected) W_o + b_o."""
  architecture = frozen.architecture
  shape = ("N", architecture.joint_dim, 1)
  graph = OnnxGraph("joiner")
  heard, expected = (
    graph.input(name, "float32", shape) for name in ("encoder_outputs", "decoder_outputs")
  )
  hidden = graph.tanh(graph.reshape(graph.add(heard, expected), 0, architecture.joint_dim))
  output, bias = matrix(frozen.tensors, "joint/output_kernel"), frozen.tensors["joint/output_bias"]
  logits = graph.affine(hidden, output, "joint/output_bias", bias)
  logits = graph.reshape(logits, 0, 1, 1, architecture.vocab_size)
  graph.output(logits, "logits", "float32", ("N", 1, 1, architecture.vocab_size))
  return graph.to_bytes({}, card)
