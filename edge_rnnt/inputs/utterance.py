"""One recording, or a stretch of one, and its words."""

import dataclasses
import math
import pathlib

import numpy as np
from jaxtyping import Float32

from edge_rnnt.audio.files import AudioError, read_audio

SLACK_SECONDS = 0.1
"""How far a segment may run over the end of its file: tables round, and codecs pad."""


@dataclasses.dataclass(frozen=True)
class Utterance:
  """A row of a manifest. Empty `speaker` or `split`: not given. `seconds` is None until measured.

  start: seconds into the file, from where it lasts for `seconds`; for None, to the file's end.
  channel: the one channel that is meant, from 0; None: the mean of all.
  segment: whether the utterance is a stretch of its file.
  """

  id: str
  path: pathlib.Path
  text: str
  speaker: str = ""
  split: str = ""
  seconds: float | None = None
  start: float = 0.0
  channel: int | None = None
  segment: bool = False

  @property
  def where(self) -> str:
    """Its path; and its name where the file holds several."""
    return f"{self.path} ({self.id})" if self.segment else str(self.path)


def read(each: Utterance, sample_rate: int) -> Float32[np.ndarray, "N"]:
  """The samples of an utterance; raises AudioError. A segment's whole file is decoded for it."""
  return cut(each, read_audio(each.path, sample_rate, channel=each.channel), sample_rate)


def cut(
  each: Utterance, samples: Float32[np.ndarray, "N"], sample_rate: int
) -> Float32[np.ndarray, "n"]:
  """The utterance's part of its file; raises AudioError for one that is not in it."""
  if not each.segment:
    return samples
  if not (math.isfinite(each.start) and math.isfinite(each.seconds or 0.0)):
    raise AudioError(
      each.path,
      f"the segment {each.id} begins at {each.start} s and lasts {each.seconds} s",
      "Mend the table of segments.",
    )
  begin, end = round(each.start * sample_rate), len(samples)
  if each.seconds is not None:
    end = round((each.start + each.seconds) * sample_rate)
  if not 0 <= begin < end <= len(samples) + round(SLACK_SECONDS * sample_rate):
    raise AudioError(
      each.path,
      f"lasts {len(samples) / sample_rate:.2f} s, the segment {each.id} is from "
      f"{begin / sample_rate:.2f} to {end / sample_rate:.2f} s",
      "Mend the table of segments.",
    )
  return samples[begin:end]
