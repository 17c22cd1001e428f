"""Corpora by name and split, each with a description in plain words for the results page."""

import dataclasses
import functools
import pathlib
from collections.abc import Mapping

import tensorflow_datasets as tfds

from data import grammar
from data.download import DownloadError
from data.kept import keep, kept_path, read_kept
from data.spoken_digit import SAMPLE_RATE, SpokenDigitFlac
from data.synthesize import SPEAKERS, plan_lines, synthesize
from edge_rnnt.inputs import shards
from edge_rnnt.inputs.check import check_audio
from edge_rnnt.inputs.dataset import ManifestSource, Source
from edge_rnnt.inputs.joined import JoinedStrings
from edge_rnnt.inputs.manifest import read_manifest
from edge_rnnt.inputs.records import TfdsSource
from edge_rnnt.inputs.rejected import ManifestReport
from edge_rnnt.inputs.splits import Splits, split

SPLITS = ("train", "dev", "test")
# Times that every training recording of a digit is dealt into strings; dev and test deal each once.
TRAIN_PASSES = 20
# Decoded recordings are kept in cache_dir up to this size (four hours at 8 kHz).
KEPT_BYTES = 256 << 20
JOINED = (
  "digit strings of dev and test are joined from single recordings of one speaker with random "
  "pauses, every recording once (seeded)"
)


@dataclasses.dataclass(frozen=True)
class Corpora:
  """Named sources by split, what they are in plain words, and what was left out.

  Names: commands (spoken orders), strings (1-8 digits joined), digits (single, training only),
  own. `synthetic`: no person was recorded; a page must say so. Dev and test have the same names as
  each other. `wordpieces`: a trained sentencepiece model that came with the speech.
  """

  kind: str
  description: str
  synthetic: bool
  train: dict[str, Source]
  dev: dict[str, Source]
  test: dict[str, Source]
  report: ManifestReport
  wordpieces: bytes | None = None


def own(data_dir: pathlib.Path, cache_dir: pathlib.Path, sample_rate: int) -> Corpora:
  """A user's folder or table of recordings."""
  splits, sources, report = _recorded(data_dir, sample_rate, cache_dir)
  description = f"recorded: {data_dir} ({_size(sources)}), split {splits.rule}; {report}"
  named = {name: {"own": sources[name]} for name in SPLITS}
  return Corpora("own", description, False, **named, report=report)


def prepared(folder: pathlib.Path, sample_rate: int) -> Corpora:
  """What data.prepare made of a user's recordings."""
  summary = shards.read_summary(folder)
  sources = {name: shards.ShardSource(folder, name, sample_rate) for name in SPLITS}
  told = f"recorded: {folder} ({_size(sources)}), split {summary['split']}; {summary['report']}"
  named = {name: {"own": sources[name]} for name in SPLITS}
  model = (folder / shards.WORDPIECES).read_bytes()
  report = ManifestReport(sum(map(len, sources.values())))
  return Corpora("own", told, False, **named, report=report, wordpieces=model)


def beside(shared: pathlib.Path, cache_dir: pathlib.Path, sample_rate: int, seed: int) -> Corpora:
  """The sets commands and digits of ../shared/data, as far as they are there."""
  named: dict[str, dict[str, Source]] = {name: {} for name in SPLITS}
  told, reports = [], []
  if (shared / "commands").is_dir():
    splits, sources, report = _recorded(shared / "commands", sample_rate, cache_dir)
    for name in SPLITS:
      named[name]["commands"] = sources[name]
    told.append(f"commands ({_size(sources)}; split {splits.rule})")
    reports.append(report)
  if (shared / "digits").is_dir():
    splits, sources, report = _recorded(shared / "digits", sample_rate, cache_dir)
    _add_digits(named, sources, seed)
    told.append(f"digits ({_size(sources)}; split {splits.rule}); {JOINED}")
    reports.append(report)
  report = sum(reports, ManifestReport(0))
  description = f"recorded: {' + '.join(told)}; {report}"
  return Corpora("shared", description, False, **named, report=report)


def spoken_digits(cache_dir: pathlib.Path, online: bool, sample_rate: int, seed: int) -> Corpora:
  """The Free Spoken Digit Dataset, downloaded once into cache_dir. Raises DownloadError if it
  can't be had.
  """
  tfds.disable_progress_bar()
  builder = SpokenDigitFlac(data_dir=cache_dir / "tfds", file_format="array_record")
  if not builder.is_prepared():
    if not online:
      raise DownloadError("not downloaded before, and this run is to stay offline")
    builder.download_and_prepare()
  sources = {
    name: TfdsSource(builder.as_data_source(split=name), SAMPLE_RATE, sample_rate)
    for name in SPLITS
  }
  named: dict[str, dict[str, Source]] = {name: {} for name in SPLITS}
  _add_digits(named, sources, seed)
  description = (
    f"recorded: the Free Spoken Digit Dataset 1.0.9, CC BY-SA 4.0 ({_size(sources)}); {JOINED}; "
    "no speaker is in two splits"
  )
  report = ManifestReport(sum(len(each) for each in sources.values()))
  return Corpora("spoken_digit", description, False, **named, report=report)


def synthetic(
  cache_dir: pathlib.Path,
  sample_rate: int,
  seed: int,
  *,
  because: str = "it was asked for",
  train: int = 2000,
  heldout: int = 120,
) -> Corpora:
  """Single digits, joined to strings as recorded ones are, and orders, made by espeak-ng: `train`
  of each to train on, `heldout` orders and four times as many digits for dev and test.
  """
  named: dict[str, dict[str, Source]] = {name: {} for name in SPLITS}
  singles: dict[str, Source] = {}
  for name in SPLITS:
    # Dev and test are fixed: a run with another seed is judged on the same speech.
    own_seed = seed if name == "train" else 0
    orders, digits = (train, train) if name == "train" else (heldout, 4 * heldout)
    args = (sample_rate, own_seed, cache_dir)
    named[name]["commands"] = synthetic_source("commands", name, orders, *args)
    singles[name] = synthetic_source("digits", name, digits, *args)
  _add_digits(named, singles, seed)
  total = sum(len(singles[name]) + len(named[name]["commands"]) for name in SPLITS)
  voices = "/".join(str(len(SPEAKERS[name])) for name in SPLITS)
  description = (
    f"SYNTHETIC: made by espeak-ng, not recorded speech ({total} single digits and orders; "
    f"train/dev/test have {voices} different voices; digits are joined to strings). The error on "
    f"people will be much higher. Used because: {because}"
  )
  return Corpora("synthetic", description, True, **named, report=ManifestReport(total))


def synthetic_source(
  kind: str,
  split_name: str,
  count: int,
  sample_rate: int,
  seed: int,
  cache_dir: pathlib.Path | None,
) -> Source:
  """Synthetic "strings" (of digits), "digits" (single) or "commands" (orders); also to mix into
  training on recorded speech.
  """
  say = {
    "strings": grammar.digit_string,
    "digits": functools.partial(grammar.digit_string, most=1),
    "commands": grammar.order,
  }[kind]
  lines = plan_lines(say, count, split_name, 2 * seed + (kind == "commands"))
  return synthesize(lines, sample_rate, name=f"synthetic-{kind}", cache_dir=cache_dir)


def _recorded(
  place: pathlib.Path, sample_rate: int, cache_dir: pathlib.Path
) -> tuple[Splits, dict[str, ManifestSource], ManifestReport]:
  utterances, listed = read_manifest(place)
  stats = [(each.id, str(each.path), each.path.stat()) for each in utterances]
  files = [(id, path, stat.st_size, stat.st_mtime_ns) for id, path, stat in stats]
  path = kept_path(cache_dir, "decoded", [sample_rate, files])
  decoded = read_kept(path)
  checked = check_audio(utterances, sample_rate, decoded=decoded)
  if decoded is None and sum(each.nbytes for each in checked.samples.values()) <= KEPT_BYTES:
    keep(path, checked.samples)
  splits = split(checked.utterances)
  sources = {
    name: ManifestSource(getattr(splits, name), sample_rate, decoded=checked.samples)
    for name in SPLITS
  }
  return splits, sources, listed.then(checked.report)


def _add_digits(
  named: dict[str, dict[str, Source]], singles: Mapping[str, Source], seed: int
) -> None:
  for number, name in enumerate(SPLITS):
    passes = TRAIN_PASSES if name == "train" else 1
    # Dev and test are fixed: a run with another seed is judged on the same strings.
    own_seed = seed if name == "train" else number
    named[name]["strings"] = JoinedStrings(
      singles[name], passes=passes, seed=own_seed, name=f"{name}-string"
    )


def _size(sources: Mapping[str, Source]) -> str:
  counts = "/".join(str(len(sources[name])) for name in SPLITS)
  hours = sum(each.seconds(item) for each in sources.values() for item in range(len(each))) / 3600
  people = "/".join(
    str(len({each.speaker(item) for item in range(len(each))}))
    for each in (sources[name] for name in SPLITS)
  )
  return f"train/dev/test {counts} utterances of {people} speakers, {hours:.2f} h"
