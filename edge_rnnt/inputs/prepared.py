"""A source with what batching plans by: frames and labels of every utterance, computed once and
without audio.
"""

import dataclasses
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int, Int32

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.inputs.dataset import Source
from edge_rnnt.inputs.rejected import ManifestReport, Rejected


@runtime_checkable
class Encoder(Protocol):
  """Text -> label ids; `edge_rnnt.text.wordpiece.WordPieces` is one."""

  def encode(self, text: str) -> list[int]: ...


@dataclasses.dataclass(frozen=True, eq=False)
class Prepared:
  """Utterances of a source: item k is `source[index[k]]` with `frames[k]` stacked frames and labels
  `labels[k]`.
  """

  source: Source
  index: Int[np.ndarray, "n"]
  frames: Int[np.ndarray, "n"]
  labels: tuple[np.ndarray, ...]

  def __len__(self) -> int:
    return len(self.index)

  def id(self, item: int) -> str:
    return self.source.id(int(self.index[item]))

  @property
  def label_counts(self) -> Int[np.ndarray, "n"]:
    return np.array([len(each) for each in self.labels], np.int64)


def count_frames(front_end: FrontEnd, samples: int) -> int:
  """Stacked frames that `front_end.features` makes of so many samples, tail included."""
  hop, tail = _hop_and_tail(front_end)
  log_mel_frames = (samples + tail + hop // 2) // hop
  return -(-log_mel_frames // front_end.stride)


def most_samples(front_end: FrontEnd, frames: int) -> int:
  """The largest number of samples that makes so many stacked frames."""
  return fewest_samples(front_end, frames + 1) - 1


def fewest_samples(front_end: FrontEnd, frames: int) -> int:
  """The smallest number of samples (1 or more) that makes so many stacked frames."""
  hop, tail = _hop_and_tail(front_end)
  # Stacked frame k exists once log-mel frame 3k does, and that once half of its hop is there.
  return max(1, ((frames - 1) * front_end.stride + 1) * hop - hop // 2 - tail)


def _hop_and_tail(front_end: FrontEnd) -> tuple[int, int]:
  """Samples of 10 ms, and of the silence appended."""
  return front_end.sample_rate // 100, round(front_end.tail_seconds * front_end.sample_rate)


def prepare(source: Source, front_end: FrontEnd, pieces: Encoder) -> Prepared:
  """Measures and encodes every utterance. Raises ValueError if the sample rates differ."""
  if source.sample_rate != front_end.sample_rate:
    raise ValueError(
      f"the source is at {source.sample_rate} Hz and the front end expects "
      f"{front_end.sample_rate} Hz: read the source at the front end's rate"
    )
  count = len(source)
  samples = [round(source.seconds(item) * source.sample_rate) for item in range(count)]
  frames = np.array([count_frames(front_end, each) for each in samples], np.int64)
  labels = tuple(np.array(pieces.encode(source.text(item)), np.int32) for item in range(count))
  return Prepared(source, np.arange(count), frames, labels)


def frames_needed(labels: Int32[np.ndarray, "U"], time_reduction: int) -> int:
  """The fewest stacked frames that can carry the labels: one encoder frame each, and one between
  equal neighbours.

  The transducer could emit several labels a frame; the CTC head cannot (Graves et al. 2006), and it
  shares the encoder.
  """
  encoder_frames = len(labels) + int(np.sum(labels[1:] == labels[:-1]))
  return max(1, (encoder_frames - 1) * time_reduction + 1)


def fits(frames: int, labels: Int32[np.ndarray, "U"], time_reduction: int = 2) -> bool:
  """Whether the labels have room in the encoder's ceil(frames / time_reduction) frames, and there
  is any label.
  """
  return len(labels) > 0 and frames >= frames_needed(labels, time_reduction)


def keep_fitting(
  prepared: Prepared, time_reduction: int = 2, most_frames: int | None = None
) -> tuple[Prepared, ManifestReport]:
  """Drops the utterances whose labels don't fit their frames, or that have more than `most_frames`;
  the report names them.
  """
  kept, rejected = [], []
  for item, (frames, labels) in enumerate(zip(prepared.frames, prepared.labels, strict=True)):
    if most_frames is not None and frames > most_frames:
      detail = f"{frames} frames, at most {most_frames}"
      rejected.append(Rejected(prepared.id(item), "longer than training takes", detail))
    elif fits(int(frames), labels, time_reduction):
      kept.append(item)
    else:
      detail = f"{len(labels)} labels in {-(-int(frames) // time_reduction)} encoder frames"
      rejected.append(Rejected(prepared.id(item), "labels do not fit the frames", detail))
  chosen = np.array(kept, np.int64)
  smaller = Prepared(
    prepared.source,
    prepared.index[chosen],
    prepared.frames[chosen],
    tuple(prepared.labels[item] for item in kept),
  )
  return smaller, ManifestReport(len(kept), tuple(rejected))
