"""Corpora by name and split, each with a description in plain words for the results page."""

import dataclasses
import functools
import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow_datasets as tfds

from data import domains as of_shared
from data import grammar
from data.domains import SPLITS, Named
from data.download import DownloadError
from data.prepared_tfds import describe, tfds_source
from data.spoken_digit import SpokenDigitFlac
from data.synthesize import plan_lines, synthesize
from data.synthesizers import ESPEAK, Synthesizer
from edge_rnnt.inputs import shards
from edge_rnnt.inputs.dataset import Source
from edge_rnnt.inputs.rejected import ManifestError, ManifestReport
from edge_rnnt.inputs.views import Chain, Telephone

QUICK = ("commands", "strings")
"""The domains of a run that asks for no others."""


@dataclasses.dataclass(frozen=True)
class Corpora:
  """Named sources by split, what they are in plain words, and what was left out.

  Names: those of data/domains.py, or own. `synthetic`: no person was recorded; a page must say so.
  `wordpieces`: a trained sentencepiece model that came with the speech. `apart`: test sets that are
  measured beside the others and not pooled with them, since they say the same words again, or are
  of another kind than what was chosen by dev.
  """

  kind: str
  description: str
  synthetic: bool
  train: dict[str, Source]
  dev: dict[str, Source]
  test: dict[str, Source]
  report: ManifestReport
  wordpieces: bytes | None = None
  apart: frozenset[str] = frozenset()


def own(data_dir: pathlib.Path, cache_dir: pathlib.Path, sample_rate: int) -> Corpora:
  """A user's folder or table of recordings."""
  splits, sources, report = of_shared.recorded(data_dir, sample_rate, cache_dir)
  description = f"recorded: {data_dir} ({of_shared.size(sources)}), split {splits.rule}; {report}"
  named = {name: {"own": sources[name]} for name in SPLITS}
  return Corpora("own", description, False, **named, report=report)


def prepared(folder: pathlib.Path, sample_rate: int) -> Corpora:
  """What data.prepare made of a user's recordings."""
  summary = shards.read_summary(folder)
  sources = {name: shards.ShardSource(folder, name, sample_rate) for name in SPLITS}
  told = (
    f"recorded: {folder} ({of_shared.size(sources)}), split {summary['split']}; {summary['report']}"
  )
  named = {name: {"own": sources[name]} for name in SPLITS}
  model = (folder / shards.WORDPIECES).read_bytes()
  report = ManifestReport(sum(map(len, sources.values())))
  return Corpora("own", told, False, **named, report=report, wordpieces=model)


def of_tfds(folder: pathlib.Path, sample_rate: int) -> Corpora:
  """A corpus that TFDS prepared: its training splits as one, each of the others by its name.

  Raises ManifestError for one without splits named train..., dev... (or valid...) and test... .
  """
  name, splits = describe(folder)
  named: dict[str, dict[str, Source]] = {}
  for ours, begins in (("train", ("train",)), ("dev", ("dev", "valid")), ("test", ("test",))):
    chosen = [each for each in splits if each.startswith(begins)]
    if not chosen:
      raise ManifestError(
        f"{folder} has the splits {', '.join(splits)}: expected some that begin with "
        f"{' or '.join(begins)}"
      )
    sources = {each: tfds_source(folder, each, sample_rate) for each in chosen}
    alone = ours == "train" or len(chosen) == 1
    named[ours] = {"own": Chain(list(sources.values()))} if alone else sources
  sizes = of_shared.size({each: Chain(list(sources.values())) for each, sources in named.items()})
  count = sum(len(source) for sources in named.values() for source in sources.values())
  told = f"recorded: {name}, prepared by TFDS ({sizes}); its own splits {', '.join(splits)}"
  return Corpora(name, told, False, **named, report=ManifestReport(count))


def beside(
  shared: pathlib.Path,
  cache_dir: pathlib.Path,
  sample_rate: int,
  seed: int,
  domains: Sequence[str] = QUICK,
) -> Corpora:
  """The domains of ../shared/data, as far as they are there."""
  named, told, report = of_shared.gather(shared, domains, cache_dir, sample_rate, seed)
  description = f"recorded: {told}; {report}"
  return _corpora("shared", description, False, named, report)


def spoken_digits(
  cache_dir: pathlib.Path,
  online: bool,
  sample_rate: int,
  seed: int,
  domains: Sequence[str] = QUICK,
) -> Corpora:
  """The Free Spoken Digit Dataset, downloaded once into cache_dir. Raises DownloadError if it
  can't be had.
  """
  tfds.disable_progress_bar()
  builder = SpokenDigitFlac(data_dir=cache_dir / "tfds", file_format="array_record")
  if not builder.is_prepared():
    if not online:
      raise DownloadError("not downloaded before, and this run is to stay offline")
    builder.download_and_prepare()
  folder = pathlib.Path(builder.data_path)
  sources = {name: tfds_source(folder, name, sample_rate) for name in SPLITS}
  named = Named()
  joined = of_shared.add_digits(named, sources, domains, seed)
  description = (
    f"recorded: the Free Spoken Digit Dataset 1.0.9, CC BY-SA 4.0 ({of_shared.size(sources)}); "
    f"{joined}; no speaker is in two splits"
  )
  report = ManifestReport(sum(len(each) for each in sources.values()))
  return _corpora("spoken_digit", description, False, named, report)


def synthetic(
  cache_dir: pathlib.Path,
  sample_rate: int,
  seed: int,
  domains: Sequence[str] = QUICK,
  *,
  because: str = "it was asked for",
  train: int = 2000,
  heldout: int = 120,
) -> Corpora:
  """Single digits, joined to strings as recorded ones are, and orders, made by espeak-ng: `train`
  of each to train on, `heldout` orders and four times as many digits for dev and test.
  """
  named, singles = Named(), {}
  for name, members in named:
    # Dev and test are fixed: a run with another seed is judged on the same speech.
    own_seed = seed if name == "train" else 0
    orders, digits = (train, train) if name == "train" else (heldout, 4 * heldout)
    args = (sample_rate, own_seed, cache_dir)
    members["commands"] = synthetic_source("commands", name, orders, *args)
    singles[name] = synthetic_source("digits", name, digits, *args)
  of_shared.add_digits(named, singles, domains, seed)
  total = sum(len(singles[name]) + len(members["commands"]) for name, members in named)
  voices = "/".join(str(len(ESPEAK.speakers[name])) for name in SPLITS)
  description = (
    f"SYNTHETIC: made by espeak-ng, not recorded speech ({total} single digits and orders; "
    f"train/dev/test have {voices} different voices; digits are joined to strings). The error on "
    f"people will be much higher. Used because: {because}"
  )
  return _corpora("synthetic", description, True, named, ManifestReport(total))


def _corpora(
  kind: str, description: str, synthetic: bool, named: Named, report: ManifestReport
) -> Corpora:
  return Corpora(
    kind, description, synthetic, **dict(named), report=report, apart=frozenset(named.apart)
  )


def synthetic_source(
  kind: str,
  split_name: str,
  count: int,
  sample_rate: int,
  seed: int,
  cache_dir: pathlib.Path | None,
  texts: Sequence[str] = (),
  by: Synthesizer = ESPEAK,
) -> Source:
  """Synthetic "strings" (of digits), "telephony" (the same by telephone), "digits" (single),
  "commands" (orders) or "read" (some of `texts`); also to mix into training on recorded speech.
  """
  if kind == "telephony":
    args = (split_name, count, sample_rate, seed, cache_dir)
    return Telephone(synthetic_source("strings", *args, by=by))
  say = {
    "strings": grammar.digit_string,
    "digits": functools.partial(grammar.digit_string, most=1),
    "commands": grammar.order,
    "read": functools.partial(_one_of, tuple(texts)),
  }[kind]
  lines = plan_lines(say, count, split_name, 2 * seed + (kind == "commands"), by)
  name = f"synthetic-{kind}" if by is ESPEAK else f"{by.name}-{kind}"
  return synthesize(lines, sample_rate, name=name, by=by, cache_dir=cache_dir)


def _one_of(texts: tuple[str, ...], rng: np.random.Generator) -> str:
  return texts[rng.integers(len(texts))]
