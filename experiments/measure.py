"""Kept states -> device files, and what those files do on test speech: the rows of a results page.

What is measured is what ships: every number comes from the device runtime reading the device file.
"""

import dataclasses
import json
import pathlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
import soundfile

from edge_rnnt import whole
from edge_rnnt.device import bench
from edge_rnnt.device.engine import Recognizer
from edge_rnnt.evaluate.size import size
from edge_rnnt.export import container
from edge_rnnt.export.freeze import freeze
from edge_rnnt.export.ranges import measure_ranges
from edge_rnnt.inputs.dataset import Example, Source
from edge_rnnt.model.config import RNNTConfig
from edge_rnnt.quant.formats import Ranges
from edge_rnnt.quant.rules import Rules
from edge_rnnt.report import results
from edge_rnnt.report.hypotheses import write_hypotheses
from edge_rnnt.text.wer import error_rate
from edge_rnnt.train import processes
from edge_rnnt.train.ranges import Utterances
from edge_rnnt.train.state import TrainState, inference_params
from experiments.speech import Speech

RTF_SECONDS = 20.0  # of test audio


@dataclasses.dataclass(frozen=True)
class DeviceModel:
  """A device file and what is in it."""

  name: str
  path: pathlib.Path
  scheme: str
  cell: str
  sparsity: float
  params: int
  nonzero: int
  ranges: Ranges | None
  """Of the activations, in the integer scheme."""


def export(
  name: str,
  scheme: str,
  state: TrainState,
  config: RNNTConfig,
  speech: Speech,
  calibration: Sequence[Utterances] | Ranges,
  block: tuple[int, int],
  folder: pathlib.Path,
  rules: Rules | None = None,
) -> DeviceModel:
  """Freezes a state in a scheme and writes its device file, `folder`/`name`.edge.

  calibration: what the integer scheme's ranges are measured on, or the ranges of its training.
  """
  params, ranges = inference_params(state), None
  if scheme == "integer":
    trained = isinstance(calibration, Mapping)
    ranges = jax.device_get(calibration if trained else measure_ranges(params, config, calibration))
  frozen = freeze(params, config, scheme, ranges=ranges, rules=rules, block=block)
  path = folder / f"{name}.edge"
  card = f"{name}: streaming RNN-T, {scheme}. Trained on: {speech.corpora.description}"
  container.write(path, frozen, speech.front_end.to_json(), speech.pieces.model, card)
  counted = size(state)
  cells = (config.encoder_cell, config.prediction_cell)
  return DeviceModel(
    name=name,
    path=path,
    scheme=scheme,
    cell=cells[0] if cells[0] == cells[1] else "+".join(cells),
    sparsity=counted.sparsity,
    params=counted.params,
    nonzero=counted.nonzero,
    ranges=ranges,
  )


def calibration_batches(batches: Iterator[Any], utterances: int) -> list[Utterances]:
  """The first training batches that hold so many utterances between them."""
  chosen, count = [], 0
  for batch in batches:
    chosen.append(
      Utterances(batch.features, batch.frame_lengths, batch.labels, batch.label_lengths)
    )
    count += len(batch.ids)
    if count >= utterances:
      break
  return chosen


def load(test: Mapping[str, Source]) -> dict[str, list[Example]]:
  """All test utterances, read once for all models."""
  return {name: [source[item] for item in range(len(source))] for name, source in test.items()}


def rows(
  model: DeviceModel,
  examples: Mapping[str, Sequence[Example]],
  timed: Sequence[pathlib.Path],
  folder: pathlib.Path,
  apart: frozenset[str] = frozenset(),
) -> Iterator[results.Row]:
  """The rows of a model: one for each test set, and one for all of them but `apart` together.

  Its real-time factor is measured on the files `timed`.
  """
  recognizer = Recognizer.open(model.path)
  everything = [each for members in examples.values() for each in members]
  texts = recognizer.recognize([each.samples for each in everything])
  heard = dict(zip((each.id for each in everything), texts, strict=True))
  rtf = bench.rtf(model.path, timed).rtf
  pooled = [each for name, members in examples.items() if name not in apart for each in members]
  sets = {results.POOLED: pooled} | (dict(examples) if len(examples) > 1 else {})
  for name, members in sets.items():
    spoken = [(each.id, each.text, heard[each.id]) for each in members]
    path = folder / "hypotheses" / f"{model.name}-{name}.tsv"
    path.parent.mkdir(exist_ok=True)
    write_hypotheses(path, spoken)
    rate = error_rate([text for _, text, _ in spoken], [text for _, _, text in spoken])
    yield results.Row(
      name=model.name,
      cell=model.cell,
      scheme=model.scheme,
      sparsity=model.sparsity,
      params=model.params,
      nonzero=model.nonzero,
      bytes=model.path.stat().st_size,
      set=name,
      rtf=rtf,
      device_file=str(model.path.relative_to(folder)),
      hypotheses=str(path.relative_to(folder)),
      **results.scores(rate),
    )


def write_samples(test: Mapping[str, Source], folder: pathlib.Path) -> list[pathlib.Path]:
  """WAV files of test utterances, RTF_SECONDS of them: to time models on, and for a user to try."""
  folder.mkdir(parents=True, exist_ok=True)
  everything = [(source, item) for source in test.values() for item in range(len(source))]
  paths, seconds = [], 0.0
  for number in np.random.default_rng(0).permutation(len(everything)):
    source, item = everything[number]
    path = folder / f"{source.id(item).replace('/', '_')}.wav"
    soundfile.write(path, source[item].samples, source.sample_rate)
    paths.append(path)
    seconds += source.seconds(item)
    if seconds >= RTF_SECONDS:
      break
  return paths


class Stopwatch:
  """Wall seconds by part of a run, kept in a file over interruptions."""

  def __init__(self, path: pathlib.Path) -> None:
    self._path, self._since = path, time.monotonic()
    self.seconds: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}

  def lap(self, part: str, *, add: bool = False) -> None:
    """What passed since the last lap belongs to `part`: besides what did before, or alone."""
    now = time.monotonic()
    before = self.seconds.get(part, 0.0) if add else 0.0
    self.seconds[part] = before + now - self._since
    self._since = now
    if processes.is_first():
      whole.write_text(self._path, json.dumps(self.seconds))
