"""Reads every recording once before training and leaves out what cannot be used, by name."""

import concurrent.futures
import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int16

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
  decoded: Mapping[str, np.ndarray] | None = None,
  threads: int = 2,
  cache_bytes: int = CACHE_BYTES,
) -> Checked:
  """Decodes each file at `sample_rate`, once; not those whose samples are in `decoded`, by id.

  Rejected: unreadable, silent (peak below -60 dB of full scale), shorter or longer than the bounds
  (seconds).
  """
  known = decoded or {}
  kept, rejected, samples = [], [], {}

  def check(each: Utterance) -> np.ndarray | Rejected:
    heard = known[each.id] if each.id in known else _decode(each, sample_rate)
    if isinstance(heard, Rejected):
      return heard
    return _problem(each, heard, sample_rate, longest, shortest) or heard

  with concurrent.futures.ThreadPoolExecutor(threads) as pool:
    # Decoding and resampling leave the interpreter lock, so threads are enough.
    for each, heard in zip(utterances, pool.map(check, utterances), strict=True):
      if isinstance(heard, Rejected):
        rejected.append(heard)
        continue
      kept.append(dataclasses.replace(each, seconds=len(heard) / sample_rate))
      if heard.nbytes <= cache_bytes:
        samples[each.id] = heard
        cache_bytes -= heard.nbytes
  return Checked(kept, ManifestReport(len(kept), tuple(rejected)), samples)


def _decode(each: Utterance, sample_rate: int) -> np.ndarray | Rejected:
  try:
    return to_int16(read_audio(each.path, sample_rate))
  except AudioError as error:
    return Rejected(str(each.path), "unreadable audio", error.problem)


def _problem(
  each: Utterance,
  samples: Int16[np.ndarray, "N"],
  sample_rate: int,
  longest: float | int,
  shortest: float | int,
) -> Rejected | None:
  path, seconds = str(each.path), len(samples) / sample_rate
  if seconds < shortest:
    return Rejected(path, "too short", f"{seconds:.2f} s, at least {shortest:g} s")
  if seconds > longest:
    return Rejected(path, "too long", f"{seconds:.1f} s, at most {longest:g} s")
  peak = int(np.abs(samples.astype(np.int32)).max()) / 32768
  if peak < SILENT_PEAK:
    return Rejected(path, "silent", f"peak {peak:.1e} of full scale")
  return None
