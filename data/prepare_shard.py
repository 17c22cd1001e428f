"""One shard of prepared speech: made in a process of its own, whole or not at all."""

import dataclasses
import itertools
import json
import multiprocessing
import os
import pathlib
import signal
import threading
from collections.abc import Iterator, Sequence

import numpy as np

from edge_rnnt import whole
from edge_rnnt.inputs import check, shards
from edge_rnnt.inputs.rejected import Rejected
from edge_rnnt.inputs.utterance import Utterance


@dataclasses.dataclass(frozen=True)
class Shard:
  """What a shard is made of; everything in it can travel to another process."""

  split: str
  name: str
  members: tuple[Utterance, ...]
  folder: pathlib.Path
  sample_rate: int
  bounds: check.Bounds


@dataclasses.dataclass(frozen=True)
class Made:
  """What became of a shard's utterances."""

  split: str
  entries: tuple[shards.Entry, ...]
  rejected: tuple[Rejected, ...]


def plan(
  split: str,
  utterances: Sequence[Utterance],
  size: int,
  folder: pathlib.Path,
  sample_rate: int,
  bounds: check.Bounds,
) -> list[Shard]:
  """Shards of about `size` utterances; what is cut from one file stays together, decoded once."""
  chunks: list[list[Utterance]] = []
  for members in check.by_file(utterances):
    if not chunks or len(chunks[-1]) >= size:
      chunks.append([])
    chunks[-1] += members
  return [
    Shard(split, f"{split}-{number:05d}", tuple(members), folder, sample_rate, bounds)
    for number, members in enumerate(chunks)
  ]


def note(shard: Shard) -> pathlib.Path:
  """Written after the shard: that it exists means that the shard is whole."""
  return shard.folder / f"{shard.name}.json"


def end_with_the_rest() -> None:
  """This process ends with the one that began it, however that ends, and at once on Ctrl-C.

  Left behind, it would write into what the next run writes.
  """
  signal.signal(signal.SIGINT, signal.SIG_DFL)
  signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])

  def watch() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)

  threading.Thread(target=watch, daemon=True).start()


def make(shard: Shard) -> Made:
  """Reads, checks and writes the utterances; a shard that was finished before is only told of."""
  if note(shard).is_file():
    return _told(shard)
  rejected: list[Rejected] = []

  def usable() -> Iterator[tuple[np.ndarray, str, str, str]]:
    for members in check.by_file(shard.members):
      heard = check.usable(members, shard.sample_rate, shard.bounds)
      for each, samples in zip(members, heard, strict=True):
        if isinstance(samples, Rejected):
          rejected.append(samples)
        else:
          yield samples, each.speaker, each.id, each.text

  path = shard.folder / f"{shard.name}.array_record"
  entries = shards.write_shard(path, usable(), shard.sample_rate)
  told = {"entries": entries, "rejected": [dataclasses.astuple(each) for each in rejected]}
  whole.write_text(note(shard), json.dumps(told))
  return Made(shard.split, tuple(entries), tuple(rejected))


def _told(shard: Shard) -> Made:
  told = json.loads(note(shard).read_text(encoding="utf-8"))
  entries = tuple(shards.Entry(*each) for each in told["entries"])
  return Made(shard.split, entries, tuple(itertools.starmap(Rejected, told["rejected"])))
