"""Train, dev and test without a speaker in two of them."""

import collections
import dataclasses
import hashlib

from edge_rnnt.inputs.rejected import ManifestError
from edge_rnnt.inputs.utterance import Utterance

NAMES = {
  "train": "train",
  "training": "train",
  "dev": "dev",
  "valid": "dev",
  "validation": "dev",
  "test": "test",
  "testing": "test",
}


@dataclasses.dataclass(frozen=True)
class Splits:
  """Three lists, how they were made (in words for a results page), and whether any speaker may be
  in two.
  """

  train: list[Utterance]
  dev: list[Utterance]
  test: list[Utterance]
  rule: str
  speaker_disjoint: bool


def split(utterances: list[Utterance]) -> Splits:
  """Splits by the split column if every utterance has one, else 80/10/10 by speaker, else by
  utterance. Where most utterances have a speaker, those that have none are all in training.

  Deterministic: a speaker (or utterance) is placed by a hash of its name, so that adding recordings
  of others moves few of them. Raises ManifestError for unknown split names and for a split that
  would be empty.
  """
  if all(each.split for each in utterances):
    named = _by_column(utterances)
    shared = _speakers_in_two(named)
    note = (
      ""
      if not shared
      else f"; {len(shared)} speakers are in more than one split, for example {shared[0]}"
    )
    known = all(each.speaker for each in utterances)
    return Splits(
      **named, rule="by the manifest's split column" + note, speaker_disjoint=known and not shared
    )
  ignored = sum(bool(each.split) for each in utterances)
  note = f"; splits are named for only {ignored} of {len(utterances)} utterances and not used"
  note = note if ignored else ""
  named = [each for each in utterances if each.speaker]
  unnamed = [each for each in utterances if not each.speaker]
  if len({each.speaker for each in named}) >= 3 and len(named) > len(unnamed):
    placed = _by_hash(named, lambda each: each.speaker)
    placed["train"] += unnamed
    rule = "by speaker, 80/10/10: no speaker is in two splits"
    if unnamed:
      rule = (
        "by speaker, 80/10/10: no named speaker is in two splits; the "
        f"{len(unnamed)} utterances of unnamed speakers are all in training"
      )
    return Splits(**placed, rule=rule + note, speaker_disjoint=not unnamed)
  why = "fewer than three speakers are" if len(named) > len(unnamed) else "few or no speakers are"
  return Splits(
    **_by_hash(utterances, lambda each: each.id),
    rule=f"by utterance, 80/10/10: {why} named, so speakers may be in several splits and the error "
    f"on new speakers will be higher than shown{note}",
    speaker_disjoint=False,
  )


def _by_column(utterances: list[Utterance]) -> dict[str, list[Utterance]]:
  named = {"train": [], "dev": [], "test": []}
  for each in utterances:
    if each.split not in NAMES:
      raise ManifestError(
        f"{each.path}: split is {each.split!r}; expected one of {', '.join(NAMES)}"
      )
    named[NAMES[each.split]].append(each)
  for name, members in named.items():
    if not members:
      raise ManifestError(
        f"the split column (or folder) names no {name} utterance; give some, or leave it out to "
        "split by speaker"
      )
  return named


def _speakers_in_two(named: dict[str, list[Utterance]]) -> list[str]:
  places = collections.defaultdict(set)
  for name, members in named.items():
    for each in members:
      places[each.speaker].add(name)
  return sorted(speaker for speaker, where in places.items() if speaker and len(where) > 1)


def _by_hash(utterances: list[Utterance], key) -> dict[str, list[Utterance]]:
  """The keys in the order of their hashes: a tenth to dev, a tenth to test (one each at least), the
  rest to train.
  """
  keys = sorted(
    {key(each) for each in utterances}, key=lambda name: hashlib.sha256(name.encode()).digest()
  )
  if len(keys) < 3:
    raise ManifestError(
      f"{len(keys)} utterances cannot be split into train, dev and test: expected three or more"
    )
  tenth = max(1, round(len(keys) / 10))
  place = {name: "dev" for name in keys[:tenth]} | {
    name: "test" for name in keys[tenth : 2 * tenth]
  }
  named = {"train": [], "dev": [], "test": []}
  for each in utterances:
    named[place.get(key(each), "train")].append(each)
  return named
