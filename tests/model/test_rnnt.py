"""The model's laws: streaming equals whole utterances, padding is unread, paths are as promised."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct

from edge_rnnt.model.presets import preset
from edge_rnnt.model.rnnt import RNNT, init
from edge_rnnt.trees import flatten

CONFIG = preset(
  "tiny",
  feature_dim=6,
  vocab_size=9,
  encoder_cell="cifg",
  encoder_layers=3,
  encoder_cells=10,
  encoder_projection=8,
  time_reduction=3,
  embedding_dim=5,
  prediction_layers=2,
  prediction_cells=10,
  prediction_projection=7,
  joint_dim=11,
  ctc=True,
)
MODEL = RNNT(CONFIG)
LENGTHS = jnp.array([11, 7, 0, 9])


@partial(jax.jit, static_argnames="method")
def apply(params, *arguments, method):
  return MODEL.apply({"params": params}, *arguments, method=method)


@pytest.fixture(scope="module")
def params():
  """Random in every tensor, so that none can be forgotten unseen."""
  rng = np.random.default_rng(0)
  shapes = jax.eval_shape(lambda: init(CONFIG, jax.random.key(0)))
  return jax.tree.map(
    lambda shape: jnp.asarray(0.7 * rng.standard_normal(shape.shape), jnp.float32), shapes
  )


@pytest.fixture(scope="module")
def frames():
  return jnp.asarray(np.random.default_rng(1).standard_normal((4, 11, 6)), jnp.float32)


def test_parameters_lie_where_the_contract_says(params):
  cell = {"bias", "gain", "kernel", "projection"}
  want = {f"encoder/layer_{k}/{name}" for k in range(3) for name in cell}
  want |= {f"prediction/layer_{k}/{name}" for k in range(2) for name in cell}
  want |= {"prediction/embedding", "ctc/kernel", "ctc/bias"}
  want |= {f"joint/{n}" for n in ("encoder", "prediction", "bias", "output_kernel", "output_bias")}
  shapes = {path: leaf.shape for path, leaf in flatten(params).items()}
  assert set(shapes) == want
  assert shapes["encoder/layer_0/kernel"] == (6 + 8, 30)
  assert shapes["encoder/layer_1/kernel"] == (3 * 8 + 8, 30)
  assert shapes["encoder/layer_2/kernel"] == (8 + 8, 30)
  assert shapes["prediction/layer_1/kernel"] == (7 + 7, 40)
  assert shapes["joint/prediction"] == (7, 11)


def test_streaming_equals_whole_utterances(params, frames):
  encoded, lengths = apply(params, frames, LENGTHS, method="encode")
  assert lengths.tolist() == [4, 3, 0, 3]
  inside = np.arange(11)[:, None] < LENGTHS[:, None, None]
  padded = jnp.pad(jnp.where(inside, frames, 0), ((0, 0), (0, 1), (0, 0)))  # zeros end a stream
  for sizes in ([3, 3, 3, 3], [6, 6], [3, 9]):
    state, pieces = MODEL.initial_state(4).encoder, []
    for piece in jnp.split(padded, np.cumsum(sizes)[:-1], axis=1):
      state, piece = apply(params, state, piece, method="encode_chunk")
      pieces.append(piece)
    streamed = np.concatenate(pieces, axis=1)
    for b, length in enumerate(lengths.tolist()):
      np.testing.assert_allclose(streamed[b, :length], encoded[b, :length], rtol=0, atol=1e-6)
      assert not np.any(encoded[b, length:])


def test_a_chunk_must_hold_whole_groups(params, frames):
  state = MODEL.initial_state(4).encoder
  with pytest.raises(ValueError, match="multiple of time_reduction=3 frames, got 11"):
    apply(params, state, frames, method="encode_chunk")


def test_a_future_frame_changes_nothing_before_it(params, frames):
  full = jnp.full((4,), 11)
  encoded, _ = apply(params, frames, full, method="encode")
  changed, _ = apply(params, frames.at[:, 6:].set(1.0), full, method="encode")
  np.testing.assert_array_equal(encoded[:, :2], changed[:, :2])
  assert not np.allclose(encoded[:, 2], changed[:, 2])


def test_prediction_steps_equal_all_prefixes_at_once(params):
  labels = jnp.array([[3, 0, 7, 7], [8, 1, 2, 5]])
  predicted = apply(params, labels, method="predict")
  assert predicted.shape == (2, 5, 7)
  state, label = MODEL.initial_state(2).prediction, jnp.full((2,), CONFIG.blank)
  for u in range(5):
    state, row = apply(params, state, label, method="predict_step")
    np.testing.assert_allclose(row, predicted[:, u], rtol=0, atol=1e-6)
    label = labels[:, min(u, 3)]


def test_padding_of_frames_and_labels_reaches_nothing(params, frames):
  """Values and gradients are the same whatever lies beyond the lengths."""
  labels, label_lengths = jnp.array([[1, 2, 3], [4, 5, 6], [7, 0, 1], [2, 2, 2]]), [3, 1, 2, 0]
  unused = np.arange(3) >= np.array(label_lengths)[:, None]
  beyond = np.arange(11)[:, None] >= LENGTHS[:, None, None]

  @jax.jit
  def loss(params, frames, labels):
    apply = partial(MODEL.apply, {"params": params})
    encoded, lengths = apply(frames, LENGTHS, method="encode")
    predicted = apply(labels, method="predict")
    logits = apply(encoded[:, :, None], predicted[:, None], method="join")
    used = jnp.arange(4) <= jnp.array(label_lengths)[:, None]
    read = (jnp.arange(4) < lengths[:, None])[:, :, None, None] & used[:, None, :, None]
    return jnp.sum(jnp.where(read, jnp.sin(logits), 0)) + jnp.sum(
      jnp.sin(apply(encoded, method="ctc_logits"))
    )

  gradient = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))
  want = gradient(params, frames, labels)
  for bad_frame, bad_label in [(jnp.nan, -1), (jnp.inf, 2**31 - 1)]:
    dirty = jnp.where(beyond, bad_frame, frames), jnp.where(unused, bad_label, labels)
    got = gradient(params, *dirty)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=0, atol=1e-6), got, want)
    assert not np.any(np.where(beyond, got[1][1], 0))


def test_join_equals_its_equation(params):
  rng = np.random.default_rng(2)
  encoded, predicted = rng.standard_normal((2, 3, 8)), rng.standard_normal((2, 4, 7))
  p = {name: np.asarray(x, np.float64) for name, x in params["joint"].items()}
  for b, t, u in np.ndindex(2, 3, 4):
    hidden = np.tanh(encoded[b, t] @ p["encoder"] + predicted[b, u] @ p["prediction"] + p["bias"])
    want = hidden @ p["output_kernel"] + p["output_bias"]
    e, q = (jnp.asarray(x, jnp.float32) for x in (encoded[b, t], predicted[b, u]))
    np.testing.assert_allclose(apply(params, e, q, method="join"), want, rtol=0, atol=1e-5)
  e, q = (jnp.asarray(x, jnp.float32) for x in (encoded[:, :, None], predicted[:, None]))
  logits = apply(params, e, q, method="join")
  assert logits.shape == (2, 3, 4, 9)
  np.testing.assert_allclose(logits[1, 2, 3], want, rtol=0, atol=1e-5)


def test_taps_are_scoped_by_part_and_layer(params, frames):
  seen = set()

  @struct.dataclass
  class Recorder:
    prefix: str = struct.field(pytree_node=False, default="")

    def __call__(self, name: str, x: jax.Array) -> jax.Array:
      seen.add(self.prefix + name)
      return x

    def scope(self, name: str) -> "Recorder":
      return Recorder(f"{self.prefix}{name}/")

  def run(params):
    apply, tap = partial(MODEL.apply, {"params": params}), Recorder()
    encoded, _ = apply(frames, LENGTHS, tap, method="encode")
    predicted = apply(jnp.zeros((4, 2), int), tap, method="predict")
    apply(encoded[:, :, None], predicted[:, None], tap, method="join")

  jax.eval_shape(run, params)
  cell = {"input", "gates", "normalized", "cell", "hidden", "output"}
  cell |= {"input_kernel", "recurrent_kernel", "projection_kernel"}
  layers = [f"encoder/layer_{k}" for k in range(3)] + [f"prediction/layer_{k}" for k in range(2)]
  joint = {"encoded", "predicted", "sum", "hidden"}
  joint |= {"encoder_kernel", "prediction_kernel", "output_kernel"}
  want = {f"{layer}/{name}" for layer in layers for name in cell} | {"prediction/embedding"}
  assert seen == want | {f"joint/{name}" for name in joint}


def test_a_model_without_an_auxiliary_head_says_so():
  model = RNNT(preset("tiny"))
  with pytest.raises(ValueError, match="simple=True"):
    model.apply(
      {"params": {}}, jnp.zeros((1, 2, 48)), jnp.zeros((1, 3, 48)), method="simple_logits"
    )
  with pytest.raises(ValueError, match="ctc=True"):
    model.apply({"params": {}}, jnp.zeros((1, 2, 48)), method="ctc_logits")


def test_first_parameters_come_from_the_key():
  one, other = (flatten(init(preset("tiny"), jax.random.key(seed))) for seed in (0, 1))
  constant = {"bias", "gain", "output_bias"}
  assert all(np.any(one[p] != other[p]) for p in one if p.rpartition("/")[2] not in constant)
  # Layers of one shape do not start alike.
  assert np.any(one["encoder/layer_0/projection"] != one["encoder/layer_1/projection"])
