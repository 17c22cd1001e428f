"""The best speech that is at hand; never silent about which it is.

Order: the user's own folder; ../shared/data beside the repository; the spoken digits, downloaded;
synthetic speech.
"""

import pathlib
from collections.abc import Sequence

from data.corpora import QUICK, Corpora, beside, of_tfds, own, prepared, spoken_digits, synthetic
from data.domains import DOMAINS
from data.download import DownloadError
from data.prepared_tfds import is_tfds
from data.synthesize import SynthesizerMissing
from edge_rnnt.inputs.rejected import ManifestError
from edge_rnnt.inputs.shards import is_prepared

BESIDE_REPOSITORY = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"


class NoSpeech(RuntimeError):
  """Nothing to train on; the message lists what was tried and what to do."""


def resolve(
  *,
  data_dir: pathlib.Path | None,
  shared: pathlib.Path | None,
  cache_dir: pathlib.Path,
  online: bool,
  sample_rate: int,
  seed: int = 0,
  begun_with: str | None = None,
  domains: Sequence[str] = QUICK,
) -> Corpora:
  """The first of: `data_dir`, `shared` (if it exists), spoken digits (if prepared or online),
  synthetic speech.

  A given data_dir that cannot be used is an error (ManifestError), never a reason to take
  something else. What fails on the way is told in the description. Raises NoSpeech when everything
  does.

  domains: what to take of `shared` (data/domains.py); NoSpeech tells the known ones.
  begun_with: the kind of an earlier part of the same run. One that began with synthetic speech
  stays with it, even if the network is back.
  """
  unknown = [name for name in domains if name not in DOMAINS]
  if unknown or not domains:
    raise NoSpeech(f"domains are {tuple(domains)}: expected some of {', '.join(DOMAINS)}")
  if data_dir is not None and is_prepared(data_dir):
    return prepared(data_dir, sample_rate)
  if data_dir is not None and is_tfds(data_dir):
    return of_tfds(data_dir, sample_rate)
  if data_dir is not None:
    _check_not_above(data_dir)
    return own(data_dir, cache_dir, sample_rate)
  tried = ["no data_dir was given"]
  if shared is not None and any((shared / DOMAINS[name]).is_dir() for name in domains):
    return beside(shared, cache_dir, sample_rate, seed, domains)
  tried.append("no ../shared/data beside the repository")
  if begun_with == "synthetic":
    return synthetic(cache_dir, sample_rate, seed, domains, because="this run began with it")
  try:
    return spoken_digits(cache_dir, online, sample_rate, seed, domains)
  except DownloadError as error:
    tried.append(f"spoken digits: {error}")
  try:
    return synthetic(cache_dir, sample_rate, seed, domains, because="; ".join(tried))
  except SynthesizerMissing as error:
    tried.append(f"synthetic speech: {error}")
  raise NoSpeech("there is no speech to train on:\n  " + "\n  ".join(tried))


def _check_not_above(data_dir: pathlib.Path) -> None:
  """Raises ManifestError for a folder in which TFDS keeps its corpora: one of these is meant."""
  places = (*data_dir.glob("*/*/features.json"), *data_dir.glob("*/*/*/features.json"))
  if inside := sorted(str(each.parent) for each in places if is_tfds(each.parent)):
    raise ManifestError(f"{data_dir} holds prepared corpora; give one: {', '.join(inside)}")
