"""A recognizer to measure, in some schemes, and the audio that it is to hear."""

import dataclasses
import functools
import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.device.container import Container, read
from edge_rnnt.export import blocks, layout
from edge_rnnt.export.sherpa_graphs import CHUNK
from edge_rnnt.export.verify.spoken import find
from experiments.benchmarks.recognizer_delay import encoded_frames

UTTERANCES = 8


@dataclasses.dataclass(frozen=True)
class Subject:
  """One model."""

  name: str
  weights: str
  """"random" or "trained"."""
  files: dict[str, Path]
  """Scheme -> device file."""
  utterances: list[np.ndarray]
  """Samples in [-1, 1]."""

  @functools.cached_property
  def opened(self) -> dict[str, Container]:
    """Its device files by scheme."""
    return {scheme: read(path) for scheme, path in self.files.items()}

  @property
  def file(self) -> Container:
    """One of its device files."""
    return next(iter(self.opened.values()))

  @functools.cached_property
  def sparsity(self) -> float:
    """The share of the kernels' weights that the files leave out."""
    return _left_out(self.file)

  @functools.cached_property
  def frames(self) -> list[int]:
    """Encoded frames of every utterance."""
    front_end, reduction = self.file.front_end, self.file.architecture.time_reduction
    return [encoded_frames(len(samples), front_end, reduction) for samples in self.utterances]


def trained(paths: Sequence[Path], audio: Sequence[str]) -> list[Subject]:
  """Device files, or runs with device files in models/; NAME-SCHEME.edge are one model by NAME.

  The audio, or else the samples of the run that a file belongs to: the first UTTERANCES of it, each
  cut to whole windows. Raises ValueError where there is none.
  """
  groups: dict[tuple[Path, str], dict[str, Path]] = defaultdict(dict)
  for path in paths:
    found = [path] if path.suffix == ".edge" else sorted((path / "models").glob("*.edge"))
    if not found:
      raise ValueError(f"{path}: neither a device file nor a run with device files in models/")
    for each in found:
      scheme = read(each).scheme
      groups[each.parent, each.stem.removesuffix(f"-{scheme}")][scheme] = each
  return [_heard(folder, name, files, audio) for (folder, name), files in groups.items()]


def _heard(folder: Path, name: str, files: dict[str, Path], audio: Sequence[str]) -> Subject:
  file = read(next(iter(files.values())))
  spoken = find(audio, folder.parent, file.front_end.sample_rate)[:UTTERANCES]
  reduction = file.architecture.time_reduction
  cut = [whole_windows(each.samples, file.front_end, reduction) for each in spoken]
  utterances = [samples for samples in cut if len(samples)]
  if not utterances:
    raise ValueError(f"{name}: every utterance is shorter than a window of {CHUNK} encoded frames")
  return Subject(name, "trained", files, utterances)


def whole_windows(samples: np.ndarray, front_end: FrontEnd, reduction: int) -> np.ndarray:
  """The samples that make, with the tail, whole windows of CHUNK encoded frames.

  Of a window that the audio doesn't fill, some runtimes hear silence, others zero features.
  """
  rate = front_end.sample_rate
  window = round(rate * front_end.frame_seconds * reduction * CHUNK)
  tail = round(front_end.tail_seconds * rate)
  return samples[: max(0, (len(samples) + tail) // window * window - tail)]


def _left_out(file: Container) -> float:
  shapes = layout.kernels(file.architecture)
  packed = {name: file.stored.get(f"{name}.{blocks.PARTS[0]}") for name in shapes}
  area = math.prod(file.block)
  left = sum(
    math.prod(shape) if packed[name] is None else len(packed[name]) * area
    for name, shape in shapes.items()
  )
  return max(0.0, 1 - left / sum(map(math.prod, shapes.values())))
