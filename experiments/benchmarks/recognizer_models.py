"""Whole recognizers to measure, drawn at random in a preset's sizes, and audio for them to hear."""

import dataclasses
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.device import container
from edge_rnnt.device.reference import reference_network
from edge_rnnt.device.search import Token
from edge_rnnt.export import layout, ranges
from edge_rnnt.export.architecture import Architecture
from edge_rnnt.export.container import write
from edge_rnnt.export.freeze import freeze
from edge_rnnt.model.config import RNNTConfig, without_auxiliary
from edge_rnnt.model.presets import preset
from edge_rnnt.prune.masks import Block, keep_mask
from edge_rnnt.text.wordpiece import train_wordpieces
from experiments.benchmarks.device_layer import random_parameters
from experiments.benchmarks.recognizer_said import draw_tokens, fit
from experiments.benchmarks.recognizer_subject import Subject

SAMPLE_RATE, STACK, TAIL_SECONDS = 16000, 4, 0.24
UTTERANCES, SECONDS = 4, 1.2
JOINT_DIM = 56  # for an utterance: twice as many as there are frames and tokens to tell apart
KNOT_SECONDS = 0.1
RECURRENT = 0.25


@dataclasses.dataclass(frozen=True)
class Sketch:
  """What to draw: a preset's sizes, and how much of the kernels is pruned."""

  preset: str
  encoder: float = 0.0
  prediction: float = 0.0
  block: Block = (8, 1)

  @classmethod
  def parse(cls, name: str) -> "Sketch":
    """PRESET[:SPARSITY[:SPARSITY OF THE PREDICTION NETWORK]]; raises ValueError."""
    chosen, *shares = name.split(":")
    preset(chosen)
    try:
      numbers = [float(share) for share in shares]
    except ValueError as error:
      raise ValueError(f"{name!r}: {error}") from error
    if len(numbers) > 2 or not all(0 <= number < 1 for number in numbers):
      raise ValueError(f"{name!r}: expected PRESET[:SHARE[:SHARE]], shares from 0 to below 1")
    return cls(chosen, *(numbers * 2 if len(numbers) == 1 else numbers))


def draw(name: str, folder: Path) -> Subject:
  """The same weights for the same name; all three device files are written into the folder."""
  sketch, rng = Sketch.parse(name), np.random.default_rng(0)
  config = preset(sketch.preset)
  count = max(1, min(UTTERANCES, config.joint_dim // JOINT_DIM))
  utterances = [_noise(rng) for _ in range(count)]
  front_end = FrontEnd(
    sample_rate=SAMPLE_RATE,
    num_mels=config.feature_dim // STACK,
    high_hz=SAMPLE_RATE / 2,
    stack=STACK,
    tail_seconds=TAIL_SECONDS,
  )
  front_end = front_end.with_statistics(map(front_end.log_mel, utterances))
  wordpieces = train_wordpieces(
    [" ".join(map(_word, range(config.vocab_size - 2)))],
    vocab_size=config.vocab_size,
    model_type="word",
  )
  params = _calm(random_parameters(config, rng), config)
  for part, share in (("encoder", sketch.encoder), ("prediction", sketch.prediction)):
    for layer in params[part].values():
      if share and isinstance(layer, dict):
        layer["kernel"] = _pruned(layer["kernel"], share, sketch.block)

  def write_file(scheme: str, seen: dict | None = None) -> Path:
    frozen = freeze(params, config, scheme, ranges=seen, block=sketch.block)
    path = folder / f"{scheme}.edge"
    write(path, frozen, front_end.to_json(), wordpieces, card="random weights, for measuring")
    return path

  features = np.stack([front_end.features(samples) for samples in utterances])
  frames = features.shape[1] // config.time_reduction
  seconds = features.shape[1] * front_end.frame_seconds
  said = draw_tokens(rng, count, frames, seconds, config.vocab_size)
  network = reference_network(container.read(write_file("float")))
  joint = params["joint"]
  joint["output_kernel"], joint["output_bias"] = fit(
    network, features, said, rng, config.vocab_size
  )
  seen = ranges.measure_ranges(params, config, [_batch(features, said)])
  files = {scheme: write_file(scheme, seen) for scheme in layout.SCHEMES}
  return Subject(name, "random", files, utterances)


def _calm(params: dict, config: RNNTConfig) -> dict:
  """Damps what layers hear of themselves: a random network on the edge of chaos would blow the
  least rounding up, a trained one doesn't.
  """
  architecture = Architecture.from_json(without_auxiliary(config.to_json()))
  for layer in architecture.layers:
    part, name = layer.path.split("/")
    params[part][name]["kernel"][layer.input_dim :] *= RECURRENT
  return params


def _pruned(kernel: np.ndarray, share: float, block: Block) -> np.ndarray:
  return kernel * np.asarray(keep_mask(jnp.asarray(kernel), share, block))


def _batch(features: np.ndarray, tokens: list[list[Token]]) -> ranges.Utterances:
  labels = np.zeros((len(tokens), max(map(len, tokens))), np.int32)
  for row, said in zip(labels, tokens, strict=True):
    row[: len(said)] = [token.id for token in said]
  lengths = np.full(len(features), features.shape[1], np.int32)
  return ranges.Utterances(features, lengths, labels, np.int32([len(said) for said in tokens]))


def _noise(rng: np.random.Generator) -> np.ndarray:
  """Noise that grows louder and softer as syllables do."""
  count = round(SECONDS * SAMPLE_RATE)
  knots = rng.standard_normal(round(SECONDS / KNOT_SECONDS) + 1)
  loudness = np.interp(np.linspace(0, len(knots) - 1, count), np.arange(len(knots)), knots)
  return (0.02 * np.exp(loudness) * rng.standard_normal(count)).clip(-1, 1).astype(np.float32)


def _word(number: int) -> str:
  return np.base_repr(number, 26).translate(str.maketrans("0123456789", "qrstuvwxyz"))
