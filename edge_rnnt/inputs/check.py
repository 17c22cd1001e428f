"""Reads every recording once before training and leaves out what cannot be used, by name."""

import concurrent.futures
import dataclasses
from collections.abc import Sequence

import numpy as np

from edge_rnnt.audio.files import AudioError, read_audio
from edge_rnnt.inputs.dataset import CACHE_BYTES, to_int16
from edge_rnnt.inputs.manifest import Utterance
from edge_rnnt.inputs.rejected import ManifestReport, Rejected

# Below this peak (-60 dB of full scale) 16-bit audio has about five bits left: a muted microphone,
# not speech.
SILENT_PEAK = 1e-3


@dataclasses.dataclass(frozen=True)
class Checked:
  """The usable utterances with their measured seconds, what was left out, and what was decoded.

  `samples`: 16-bit, by utterance id, at the checked rate; only as many as fitted in memory.
  """

  utterances: list[Utterance]
  report: ManifestReport
  samples: dict[str, np.ndarray]


def check_audio(
  utterances: Sequence[Utterance],
  sample_rate: int,
  *,
  longest: float | int = 30.0,
  shortest: float | int = 0.1,
  threads: int = 2,
  cache_bytes: int = CACHE_BYTES,
) -> Checked:
  """Decodes each file at `sample_rate`, once.

  Rejected: unreadable, silent (peak below -60 dB of full scale), shorter or longer than the bounds
  (seconds).
  """
  kept, rejected, samples = [], [], {}
  with concurrent.futures.ThreadPoolExecutor(threads) as pool:
    # Decoding and resampling leave the interpreter lock, so threads are enough.
    for each, (heard, problem) in zip(
      utterances,
      pool.map(lambda each: _check(each, sample_rate, longest, shortest), utterances),
      strict=True,
    ):
      if problem:
        rejected.append(problem)
        continue
      kept.append(dataclasses.replace(each, seconds=len(heard) / sample_rate))
      if heard.nbytes <= cache_bytes:
        samples[each.id] = heard
        cache_bytes -= heard.nbytes
  return Checked(kept, ManifestReport(len(kept), tuple(rejected)), samples)


def _check(
  each: Utterance, sample_rate: int, longest: float, shortest: float
) -> tuple[np.ndarray, Rejected | None]:
  try:
    samples = read_audio(each.path, sample_rate)
  except AudioError as error:
    return np.zeros(0, np.int16), Rejected(str(each.path), "unreadable audio", error.problem)
  return to_int16(samples), _problem(str(each.path), samples, sample_rate, longest, shortest)


def _problem(
  path: str, samples: np.ndarray, sample_rate: int, longest: float, shortest: float
) -> Rejected | None:
  seconds = len(samples) / sample_rate
  if seconds < shortest:
    return Rejected(path, "too short", f"{seconds:.2f} s, at least {shortest:g} s")
  if seconds > longest:
    return Rejected(path, "too long", f"{seconds:.1f} s, at most {longest:g} s")
  if np.max(np.abs(samples)) < SILENT_PEAK:
    return Rejected(path, "silent", f"peak {np.max(np.abs(samples)):.1e} of full scale")
  return None
