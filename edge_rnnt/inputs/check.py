"""Reads every recording once before training and leaves out what cannot be used, by name."""

import concurrent.futures
import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Int16

from edge_rnnt.audio.files import AudioError, announced_seconds, read_audio
from edge_rnnt.inputs.cache import CACHE_BYTES
from edge_rnnt.inputs.dataset import to_int16
from edge_rnnt.inputs.rejected import ManifestReport, Rejected
from edge_rnnt.inputs.utterance import Utterance, cut

# Below this peak (-60 dB of full scale) 16-bit audio has about five bits left: a muted microphone,
# not speech.
SILENT_PEAK = 1e-3
FULL_SCALE = 32700  # of 32768: where a converter that is overdriven piles its samples up

FAR = 2.0  # times the bound: headers may estimate


@dataclasses.dataclass(frozen=True)
class Bounds:
  """What a recording must keep within.

  shortest, longest: seconds. clipped: the largest share of samples that may be at full scale.
  """

  shortest: float | int = 0.1
  longest: float | int = 30.0
  clipped: float | int = 0.05


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
  bounds: Bounds = Bounds(),
  decoded: Mapping[str, np.ndarray] | None = None,
  threads: int = 2,
  cache_bytes: int = CACHE_BYTES,
) -> Checked:
  """Decodes each file at `sample_rate`, once; not those whose samples are in `decoded`, by id.

  Rejected: unreadable, silent (peak below -60 dB of full scale), overdriven, shorter or longer than
  the bounds.
  """
  known = decoded or {}
  kept, rejected, samples = [], [], {}

  def read_file(members: list[Utterance]) -> list[np.ndarray | Rejected]:
    if all(each.id in known for each in members):
      return [
        problem(each, known[each.id], sample_rate, bounds) or known[each.id] for each in members
      ]
    return list(usable(members, sample_rate, bounds))

  files = by_file(utterances)
  with concurrent.futures.ThreadPoolExecutor(threads) as pool:
    # Decoding and resampling leave the interpreter lock, so threads are enough.
    read = itertools.chain.from_iterable(pool.map(read_file, files))
    for each, heard in zip(itertools.chain.from_iterable(files), read, strict=True):
      if isinstance(heard, Rejected):
        rejected.append(heard)
        continue
      kept.append(dataclasses.replace(each, seconds=len(heard) / sample_rate))
      if heard.nbytes <= cache_bytes:
        samples[each.id] = heard
        cache_bytes -= heard.nbytes
  return Checked(kept, ManifestReport(len(kept), tuple(rejected)), samples)


def by_file(utterances: Sequence[Utterance]) -> list[list[Utterance]]:
  """Neighbours that are cut from one file (and channel) together, so that it is decoded once."""
  grouped = itertools.groupby(utterances, key=lambda each: (each.path, each.channel))
  return [list(members) for _, members in grouped]


def usable(
  members: Sequence[Utterance], sample_rate: int, bounds: Bounds
) -> Iterator[Int16[np.ndarray, "N"] | Rejected]:
  """The samples of utterances of one file at `sample_rate`, or why one cannot be used.

  A file that announces far more than one utterance may last is not decoded.
  """
  try:
    seconds = announced_seconds(members[0].path)
    if not members[0].segment and seconds > FAR * bounds.longest:
      yield from (_too_long(each, seconds, bounds) for each in members)
      return
    whole = read_audio(members[0].path, sample_rate, channel=members[0].channel)
  except AudioError as error:
    yield from (Rejected(each.where, "unreadable audio", error.problem) for each in members)
    return
  for each in members:
    try:
      samples = to_int16(cut(each, whole, sample_rate))
    except AudioError as error:
      yield Rejected(each.where, "segment not in its file", error.problem)
      continue
    yield problem(each, samples, sample_rate, bounds) or samples


def problem(
  each: Utterance, samples: Int16[np.ndarray, "N"], sample_rate: int, bounds: Bounds
) -> Rejected | None:
  """What is wrong with a recording, if anything."""
  seconds = len(samples) / sample_rate
  if seconds < bounds.shortest:
    return Rejected(each.where, "too short", f"{seconds:.2f} s, at least {bounds.shortest:g} s")
  if seconds > bounds.longest:
    return _too_long(each, seconds, bounds)
  magnitudes = np.abs(samples.astype(np.int32))
  peak = int(magnitudes.max()) / 32768
  if peak < SILENT_PEAK:
    return Rejected(each.where, "silent", f"peak {peak:.1e} of full scale")
  clipped = float(np.mean(magnitudes >= FULL_SCALE))
  if clipped > bounds.clipped:
    return Rejected(
      each.where, "overdriven", f"{100 * clipped:.1f} % of its samples are at full scale"
    )
  return None


def _too_long(each: Utterance, seconds: float, bounds: Bounds) -> Rejected:
  return Rejected(each.where, "too long", f"{seconds:.1f} s, at most {bounds.longest:g} s")
