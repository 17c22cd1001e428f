"""How near a device file is to what it was made from, on dev speech.

Its WER there (what a choice of bits should go by), how many utterances it hears otherwise than the
float file of the same weights and than the JAX model in the same numbers (fake-quantized), and,
layer by layer, the signal to quantization noise of the reference engine against that model, and
against the model in float:

  SQNR = 10 log10(sum x^2 / sum (x - y)^2)        x: JAX, y: the engine, frames within utterances
"""

import functools
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from edge_rnnt.cells.cell import IDENTITY, Tap
from edge_rnnt.decode.greedy import greedy
from edge_rnnt.device.container import Container, read
from edge_rnnt.device.engine import Recognizer
from edge_rnnt.device.network import EncoderStream, Network
from edge_rnnt.device.reference import reference_network
from edge_rnnt.evaluate.recognition import recognize
from edge_rnnt.inputs import batching
from edge_rnnt.inputs.dataset import Example
from edge_rnnt.model.config import RNNTConfig
from edge_rnnt.model.encoder import encoder_cell, fill_groups
from edge_rnnt.report.results import Fidelity
from edge_rnnt.text.wer import error_rate
from experiments.build import Run
from experiments.speech import Speech

UTTERANCES = 24  # that SQNR is measured on
KEPT = ("cell", "output")


class Keep:
  """A tap around another that keeps, for a step, what comes out of it or, if not `rounded`, what
  goes in: a hybrid engine rounds where it reads, not where it writes.
  """

  def __init__(self, tap: Tap, rounded: bool) -> None:
    self._tap, self._rounded = tap, rounded
    self.kept: dict[str, Array] = {}

  def __call__(self, name: str, x: Array) -> Array:
    y = self._tap(name, x)
    if name in KEPT:
      self.kept[name] = y if self._rounded else x
    return y

  def scope(self, name: str) -> Tap:
    return self._tap.scope(name)


class Recording:
  """A device's cell that notes c and its output, frame by frame."""

  def __init__(self, cell: Any) -> None:
    self._cell = cell
    self.initial_state = cell.initial_state
    self.cells: list[np.ndarray] = []
    self.outputs: list[np.ndarray] = []

  def step(self, state: Any, x: np.ndarray) -> tuple[Any, np.ndarray]:
    state, y = self._cell.step(state, x)
    self.cells.append(state.c)
    self.outputs.append(y)
    return state, y


def fidelity(
  path: pathlib.Path,
  run: Run,
  speech: Speech,
  params: Any,
  tap: Tap,
  dev: Sequence[Example],
  float_texts: Mapping[str, str] | None,
) -> tuple[Fidelity, dict[str, str]]:
  """Of one device file; also what it heard, by utterance.

  tap: the model's numbers in this file; float_texts: what the float file heard, if there is one.
  """
  recognizer = Recognizer.open(path)
  texts = recognizer.recognize([each.samples for each in dev])
  heard = dict(zip((each.id for each in dev), texts, strict=True))
  model = {each.id: each.text for each in _model_heard(run, speech, params, tap)}
  rate = error_rate([each.text for each in dev], texts, samples=1)
  noise = layer_sqnr(
    read(path), run.model.config, params, (tap, IDENTITY), *_frames(dev, recognizer)
  )
  return (
    Fidelity(
      dev_wer=100 * rate.wer,
      against_float=None if float_texts is None else _differing(heard, float_texts),
      against_model=_differing(heard, model),
      sqnr=noise[0],
      sqnr_float=noise[1],
    ),
    heard,
  )


def _model_heard(run: Run, speech: Speech, params: Any, tap: Tap) -> Iterator[Any]:
  search = functools.partial(greedy, tap=tap)
  for prepared in speech.dev.values():
    batches = batching.evaluation_batches(prepared, speech.front_end, run.dev_buckets)
    yield from recognize(run.model, params, batches, speech.pieces, search)


def _differing(a: Mapping[str, str], b: Mapping[str, str]) -> float:
  return sum(text != b[name] for name, text in a.items()) / len(a)


def _frames(dev: Sequence[Example], recognizer: Recognizer) -> tuple[np.ndarray, np.ndarray]:
  """Features [B, T, F], zero beyond their lengths [B], of utterances from all over the set."""
  chosen = dev[:: max(1, len(dev) // UTTERANCES)][:UTTERANCES]
  features = [recognizer.front_end.features(each.samples) for each in chosen]
  lengths = np.array([len(rows) for rows in features], np.int32)
  frames = np.zeros((len(features), lengths.max(), features[0].shape[1]), np.float32)
  for row, rows in zip(frames, features, strict=True):
    row[: len(rows)] = rows
  return frames, lengths


def layer_sqnr(
  container: Container,
  config: RNNTConfig,
  params: Any,
  taps: Sequence[Tap],
  frames: np.ndarray,
  lengths: np.ndarray,
) -> list[dict[str, float]]:
  """For each tap: path -> SQNR in dB of the reference engine's encoder against the model through
  it.
  """
  rounded, engine = container.scheme == "integer", _engine_tensors(container, frames, lengths)
  found = []
  for tap in taps:
    expected = jax.device_get(_model_tensors(config, rounded, params, tap, frames, lengths))
    found.append(
      {
        path: sqnr(np.swapaxes(expected[path], 0, 1)[valid], got[valid])
        for path, (got, valid) in engine.items()
      }
    )
  return found


def sqnr(exact: np.ndarray, approximate: np.ndarray) -> float:
  """Signal to quantization noise in dB, 200 where there is none."""
  exact = exact.astype(np.float64)
  noise = np.sum((exact - approximate) ** 2)
  return min(200.0, 10 * np.log10(np.sum(exact**2) / noise)) if noise else 200.0


@functools.partial(jax.jit, static_argnums=(0, 1))
def _model_tensors(
  config: RNNTConfig, rounded: bool, params: Any, tap: Tap, xs: Array, lengths: Array
) -> dict[str, Array]:
  """Tap path -> [T, B, .] of every encoder layer."""
  xs, _ = fill_groups(xs, lengths, config.time_reduction)
  cell, found = encoder_cell(config), {}
  for k in range(config.encoder_layers):
    path = f"encoder/layer_{k}"
    if k == config.time_reduction_after:
      xs = xs.reshape(len(xs), -1, config.time_reduction * xs.shape[2])
    layer = tap.scope("encoder").scope(f"layer_{k}")

    def body(state: Any, x: Array, k: int = k, layer: Tap = layer) -> tuple[Any, Any]:
      keep = Keep(layer, rounded)
      state, y = cell.step(params["encoder"][f"layer_{k}"], state, x, keep)
      return state, (y, keep.kept)

    _, (ys, kept) = jax.lax.scan(body, cell.initial_state(len(xs)), jnp.swapaxes(xs, 0, 1))
    xs = jnp.swapaxes(ys, 0, 1)
    found |= {f"{path}/{name}": value for name, value in kept.items()}
  return found


def _engine_tensors(
  container: Container, frames: np.ndarray, lengths: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
  """Tap path -> (real numbers [B, T, .], which frames [B, T] lie within their utterance)."""
  network: Network = reference_network(container)
  layers = [Recording(cell) for cell in network.encoder.layers]
  encoder = EncoderStream(network.encoder._replace(layers=layers), len(frames))
  for time in range(frames.shape[1]):
    encoder.accept(frames[:, time])
  encoder.finish()
  found, reduction = {}, network.encoder.reduction
  for k, layer in enumerate(layers):
    factor = reduction if k >= network.encoder.below else 1
    count = -(-lengths // reduction) * (reduction // factor)
    valid = np.arange(len(layer.outputs)) < count[:, None]
    for name, values in zip(KEPT, (layer.cells, layer.outputs), strict=True):
      path = f"encoder/layer_{k}/{name}"
      scale, zero = container.activations.get(path, (1.0, 0))
      stacked = np.stack(values, axis=1).astype(np.float64)
      found[path] = (stacked - zero) * scale, valid
  return found
