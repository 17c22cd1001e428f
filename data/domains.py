"""The domains of ../shared/data, as sources by split: what the paper's three test sets are here.

commands   spoken orders (its voice search)
strings    digits joined to strings; telephony: the same, heard over a telephone line
read       sentences, and `long`, whole stretches of them joined (its YouTube)
read_strings   what says digits in read, cut into words and joined anew, to train on
"""

import csv
import dataclasses
import itertools
import pathlib
from collections.abc import Iterator, Mapping, Sequence

from data.grammar import DIGITS
from data.kept import keep, kept_path, read_kept
from edge_rnnt.inputs.check import check_audio
from edge_rnnt.inputs.dataset import ManifestSource, Source
from edge_rnnt.inputs.joined import JoinedStrings
from edge_rnnt.inputs.manifest import read_manifest
from edge_rnnt.inputs.rejected import ManifestReport
from edge_rnnt.inputs.splits import Splits, split
from edge_rnnt.inputs.views import Excerpt, Excerpts, Selection, Telephone
from edge_rnnt.inputs.worded import in_plain_words

SPLITS = ("train", "dev", "test")
DOMAINS = {
  "commands": "commands", "strings": "digits", "telephony": "digits", "read": "read",
  "read_strings": "read",
}  # fmt: skip
"""Name of a domain -> folder of ../shared/data that it is made of."""

# Made by cut_words.py.
DIGIT_WORDS = pathlib.Path(__file__).with_name("digit_words.tsv")
# Times that every training recording of a digit is dealt into strings; dev and test deal each once.
TRAIN_PASSES = 20
LONG_PASSES = 8
# Decoded recordings are kept in cache_dir up to this size (four hours at 16 kHz).
KEPT_BYTES = 512 << 20
JOINED = (
  "digit strings are joined from single recordings of one speaker with random pauses (seeded), "
  "those of dev and test from every recording once, for training "
  f"{TRAIN_PASSES} times in new orders"
)
BY_TELEPHONE = "telephony is those strings through 300-3400 Hz and 8-bit mu-law"
LONG = (
  "long is read joined, for training 2-5 utterances of a speaker (15 s of speech at most), every "
  f"utterance {LONG_PASSES} times, for test 6-12 (60 s at most), every utterance once; read_digits "
  "are digit strings of read's test"
)
ANEW = "read_strings are those of its training, cut into words and joined anew"


@dataclasses.dataclass
class Named:
  """Sources by split and name, as they are gathered."""

  train: dict[str, Source] = dataclasses.field(default_factory=dict)
  dev: dict[str, Source] = dataclasses.field(default_factory=dict)
  test: dict[str, Source] = dataclasses.field(default_factory=dict)
  apart: list[str] = dataclasses.field(default_factory=list)

  def __iter__(self) -> Iterator[tuple[str, dict[str, Source]]]:
    return iter((name, getattr(self, name)) for name in SPLITS)


def gather(
  shared: pathlib.Path, domains: Sequence[str], cache_dir: pathlib.Path, sample_rate: int, seed: int
) -> tuple[Named, str, ManifestReport]:
  """The domains whose folder is in `shared`, what they are in words, and what was left out."""
  named, told, report = Named(), [], ManifestReport(0)
  for folder in dict.fromkeys(DOMAINS[name] for name in domains):
    if not (shared / folder).is_dir():
      continue
    splits, sources, found = recorded(shared / folder, sample_rate, cache_dir)
    description = f"{folder} ({size(sources)}; split {splits.rule})"
    if folder == "commands":
      for name, members in named:
        members["commands"] = sources[name]
    elif folder == "digits":
      description += f"; {add_digits(named, sources, domains, seed)}"
    else:
      description += f"; {_add_read(named, sources, domains, seed)}"
    told.append(description)
    report += found
  return named, " + ".join(told), report


def recorded(
  place: pathlib.Path, sample_rate: int, cache_dir: pathlib.Path
) -> tuple[Splits, dict[str, ManifestSource], ManifestReport]:
  """The recordings of a folder or list, checked and split; decoded ones are kept in cache_dir.

  Texts are plain words, as data.prepare makes them by default.
  """
  utterances, listed = read_manifest(place)
  utterances, wordless = in_plain_words(utterances)
  listed = listed.then(ManifestReport(len(utterances), tuple(wordless)))
  stats = [(each.id, str(each.path), each.path.stat()) for each in utterances]
  files = [(id, path, stat.st_size, stat.st_mtime_ns) for id, path, stat in stats]
  path = kept_path(cache_dir, "decoded", [sample_rate, files])
  decoded = read_kept(path)
  checked = check_audio(utterances, sample_rate, decoded=decoded)
  report = listed.then(checked.report)
  report.require_some(place)
  if decoded is None and sum(each.nbytes for each in checked.samples.values()) <= KEPT_BYTES:
    keep(path, checked.samples)
  splits = split(checked.utterances)
  sources = {
    name: ManifestSource(getattr(splits, name), sample_rate, decoded=checked.samples)
    for name in SPLITS
  }
  return splits, sources, report


def add_digits(
  named: Named, singles: Mapping[str, Source], domains: Sequence[str], seed: int
) -> str:
  """Strings of the single digits, plain and by telephone as the domains ask; told in words."""
  for number, (split_name, members) in enumerate(named):
    passes = TRAIN_PASSES if split_name == "train" else 1
    # Dev and test are fixed: a run with another seed is judged on the same strings.
    own_seed = seed if split_name == "train" else number
    strings = JoinedStrings(
      singles[split_name], passes=passes, seed=own_seed, name=f"{split_name}-string"
    )
    # Telephony alone is judged by telephone, and may yet be trained on what is said into it.
    if "strings" in domains or split_name == "train":
      members["strings"] = strings
    if "telephony" in domains:
      members["telephony"] = Telephone(strings)
  return f"{JOINED}; {BY_TELEPHONE}" if "telephony" in domains else JOINED


def _add_read(
  named: Named, sources: Mapping[str, Source], domains: Sequence[str], seed: int
) -> str:
  """Sentences, long-form speech, and the test set's digit strings as a set of their own."""
  named.train["read"], named.dev["read"] = sources["train"], sources["dev"]
  named.train["long"] = JoinedStrings(
    sources["train"], least=2, most=5, longest=15, passes=LONG_PASSES, pause=(0.1, 0.8), seed=seed,
    name="train-long",
  )  # fmt: skip
  test = sources["test"]
  digits = _digits(test)
  sentences = Selection(test, [item for item in range(len(test)) if item not in digits])
  named.test["read"] = sentences
  named.test["long"] = JoinedStrings(
    sentences, least=6, most=12, longest=60, pause=(0.2, 1.0), seed=2, name="test-long"
  )
  named.apart.append("long")
  if digits:
    named.test["read_digits"] = Selection(test, digits)
    named.apart.append("read_digits")
  # Those of training stay in `read` too: alone they can be given a share of their own.
  if digits := _digits(sources["train"]):
    named.train["read_digits"] = Selection(sources["train"], digits)
    words = _words(sources["train"], digits) if "read_strings" in domains else []
    if words:
      named.train["read_strings"] = JoinedStrings(
        Excerpts(sources["train"], words), passes=TRAIN_PASSES, seed=seed, name="read-string"
      )
      return f"{LONG}; {ANEW}"
  return LONG


def _digits(source: Source) -> list[int]:
  """The utterances that are strings of digits."""
  return [item for item in range(len(source)) if set(source.text(item).split()) <= set(DIGITS)]


def _words(source: Source, items: Sequence[int]) -> list[Excerpt]:
  """The words of the utterances that it is known of where they are."""
  known, words = word_borders(), []
  for item in items:
    said, borders = source.text(item).split(), known.get(source.id(item), ())
    if len(borders) == len(said) + 1:
      spans = itertools.pairwise(borders)
      words += [Excerpt(item, *span, word) for word, span in zip(said, spans, strict=True)]
  return words


def word_borders(table: pathlib.Path = DIGIT_WORDS) -> dict[str, tuple[float, ...]]:
  """Id of a digit string -> seconds at which its words begin, and the last ends."""
  with table.open(encoding="utf-8", newline="") as file:
    rows = list(csv.DictReader(file, delimiter="\t"))
  return {row["id"]: tuple(map(float, row["borders"].split())) for row in rows}


def size(sources: Mapping[str, Source]) -> str:
  """Utterances, speakers and hours of three splits, in words."""
  counts = "/".join(str(len(sources[name])) for name in SPLITS)
  hours = sum(each.seconds(item) for each in sources.values() for item in range(len(each))) / 3600
  people = "/".join(
    str(len({each.speaker(item) for item in range(len(each))}))
    for each in (sources[name] for name in SPLITS)
  )
  return f"train/dev/test {counts} utterances of {people} speakers, {hours:.2f} h"
