"""The three signatures in plain operators, with the states as arguments: [1, all of c and h].

  encode   frames [R, 1, F], state -> encoded [1, J], state_after
  predict  token int32 [1, 1], state -> predicted [1, J], state_after
  joint    encoded, predicted -> logits [1, V]

The caller keeps the states, beginning with zeros; so one file serves any number of streams, and
LiteRT's CompiledModel takes it, which refuses models that keep states of their own.
"""

from collections.abc import Sequence

from edge_rnnt.export.architecture import Layer
from edge_rnnt.export.container import Frozen
from edge_rnnt.export.decomposed import State, layer_weights, matrix, step
from edge_rnnt.export.layout import SCALE
from edge_rnnt.export.litert_fused import gather, reshape
from edge_rnnt.export.litert_graph import Model
from edge_rnnt.export.litert_plain import PlainGraph


def add_signatures(model: Model, frozen: Frozen, *, sparse: bool = False) -> None:
  """Adds encode, predict and joint. sparse: leave blocks of 16x1 zeros out of int8 matrices."""
  architecture = frozen.architecture

  graph = model.graph("encode")
  plain, reduction = PlainGraph(graph, sparse=sparse), architecture.time_reduction
  frames = graph.tensor("frames", (reduction, 1, architecture.feature_dim), "float32")
  state = plain.value("state", state_width(architecture.encoder))
  flat = reshape(graph, frames, (1, reduction * architecture.feature_dim))
  rows = plain.split(flat, [architecture.feature_dim] * reduction)
  states, after = _apart(plain, state, architecture.encoder), []
  for number, (layer, before) in enumerate(zip(architecture.encoder, states, strict=True)):
    if number == architecture.time_reduction_after:
      rows = [plain.join(rows)]
    before, rows = _unroll(plain, frozen, layer, before, rows)
    after.append(before)
  encoded = plain.product(rows[0], matrix(frozen.tensors, "joint/encoder"))
  outputs = {"encoded": encoded, "state_after": _together(plain, after)}
  graph.finish({"frames": frames, "state": state}, outputs)

  graph = model.graph("predict")
  plain = PlainGraph(graph, sparse=sparse)
  token = graph.tensor("token", (1, 1), "int32")
  state = plain.value("state", state_width(architecture.prediction))
  table = frozen.tensors["prediction/embedding"]
  if frozen.scheme != "float":
    table = table * frozen.tensors[f"prediction/embedding{SCALE}"]
  embedded = gather(graph, graph.constant("prediction/embedding", table), token)
  rows = [reshape(graph, embedded, (1, architecture.embedding_dim))]
  states, after = _apart(plain, state, architecture.prediction), []
  for layer, before in zip(architecture.prediction, states, strict=True):
    before, rows = _unroll(plain, frozen, layer, before, rows)
    after.append(before)
  half = matrix(frozen.tensors, "joint/prediction")
  predicted = plain.affine(rows[0], half, frozen.tensors["joint/bias"])
  outputs = {"predicted": predicted, "state_after": _together(plain, after)}
  graph.finish({"token": token, "state": state}, outputs)

  graph = model.graph("joint")
  plain = PlainGraph(graph)
  encoded, predicted = (plain.value(n, architecture.joint_dim) for n in ("encoded", "predicted"))
  hidden = plain.tanh(plain.add(encoded, predicted))
  output = matrix(frozen.tensors, "joint/output_kernel")
  logits = plain.affine(hidden, output, frozen.tensors["joint/output_bias"])
  graph.finish({"encoded": encoded, "predicted": predicted}, {"logits": logits})


def state_width(layers: Sequence[Layer]) -> int:
  return sum(layer.cells + layer.recurrent_dim for layer in layers)


def _unroll(
  plain: PlainGraph, frozen: Frozen, layer: Layer, state: State, rows: list[int]
) -> tuple[State, list[int]]:
  """Rows of a layer, one after the other."""
  weights, outputs = layer_weights(frozen, layer), []
  for row in rows:
    state, out = step(plain, weights, plain.product(row, weights.inputs), state)
    outputs.append(out)
  return state, outputs


def _apart(plain: PlainGraph, state: int, layers: Sequence[Layer]) -> list[State]:
  widths = [w for layer in layers for w in (layer.cells, layer.recurrent_dim) if w]
  parts = iter(plain.split(state, widths))
  return [State(next(parts), next(parts) if layer.recurrent_dim else None) for layer in layers]


def _together(plain: PlainGraph, states: Sequence[State]) -> int:
  return plain.join([part for state in states for part in state if part is not None])
