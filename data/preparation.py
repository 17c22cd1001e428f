"""Recordings -> checked, split, resampled, packed in shards, with word-pieces; resumable."""

import concurrent.futures
import dataclasses
import hashlib
import json
import multiprocessing
import pathlib
import signal
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import rich.progress

from data import prepare_shard
from edge_rnnt import whole
from edge_rnnt.inputs import shards, splits
from edge_rnnt.inputs.check import Bounds
from edge_rnnt.inputs.manifest import read_manifest
from edge_rnnt.inputs.prepared import frames_needed
from edge_rnnt.inputs.rejected import ManifestError, ManifestReport, Rejected
from edge_rnnt.inputs.worded import in_plain_words
from edge_rnnt.text.wordpiece import WordPieces, train_wordpieces

SPLITS = ("train", "dev", "test")
BEGUN = "preparing.json"
LEFT_OUT = "left_out.tsv"


@dataclasses.dataclass(frozen=True)
class Settings:
  """What prepared speech depends on, besides the recordings.

  frame_seconds: of an encoder frame; a training utterance must have one for every word-piece.
  text: "plain" for words as they are scored (lower case, no punctuation; see NORMALIZER of
    text/wer.py), "as_is" for texts as they are.
  """

  sample_rate: int = 16000
  bounds: Bounds = dataclasses.field(default_factory=Bounds)
  text: Literal["plain", "as_is"] = "plain"
  pieces: str = "bpe"
  vocab_size: int = 256
  character_coverage: float = 1.0
  frame_seconds: float = 0.06
  shard_utterances: int = 500


def prepare(
  source: pathlib.Path, folder: pathlib.Path, settings: Settings, *, jobs: int = 1
) -> ManifestReport:
  """Does what the module says; returns what is used and what was left out.

  Raises ManifestError for a source that cannot be used, for a folder that holds something else,
  and when nothing usable is left in a split.
  """
  utterances, listed = read_manifest(source)
  wordless: list[Rejected] = []
  if settings.text == "plain":
    utterances, wordless = in_plain_words(utterances)
  ManifestReport(len(utterances), (*listed.rejected, *wordless)).require_some(source)
  placed = splits.split(utterances)
  folder.mkdir(parents=True, exist_ok=True)
  _begin(folder, settings, placed)
  made = _make_shards(folder, settings, placed, jobs)
  entries = {name: [] for name in SPLITS}
  rejected = [*listed.rejected, *wordless]
  for each in made:
    entries[each.split] += each.entries
    rejected += each.rejected
  for name in SPLITS:
    if not entries[name]:
      ManifestReport(0, tuple(rejected)).write(folder / LEFT_OUT)
      raise ManifestError(
        f"nothing usable is left for {name}: {folder / LEFT_OUT} names every recording"
      )
  model = word_pieces([entry.text for entry in entries["train"]], settings)
  with whole.writing(folder / shards.WORDPIECES) as file:
    file.write(model)
  where = {each.id: each.where for each in placed.train}
  entries["train"], unfit = _fitting(entries["train"], where, WordPieces(model), settings)
  report = ManifestReport(sum(map(len, entries.values())), (*rejected, *unfit))
  _finish(folder, settings, placed, entries, report)
  return report


def _begin(folder: pathlib.Path, settings: Settings, placed: splits.Splits) -> None:
  """Notes what is being prepared. Raises ManifestError if the folder holds something else."""
  rows = [
    (name, dataclasses.astuple(each), each.path.stat().st_size, each.path.stat().st_mtime_ns)
    for name in SPLITS
    for each in getattr(placed, name)
  ]
  made_from = repr((shards.VERSION, settings, rows))
  digest = hashlib.sha256(made_from.encode()).hexdigest()
  path = folder / BEGUN
  if path.is_file():
    if json.loads(path.read_text())["digest"] != digest:
      raise ManifestError(
        f"{folder} holds the preparation of other recordings or with other settings: give another "
        "--output, or remove that folder"
      )
    return
  # A run that was killed while it wrote the note leaves a part of it, and nothing else.
  if any(not each.name.startswith(f"{BEGUN}.") for each in folder.iterdir()):
    raise ManifestError(f"{folder} is not empty: give a new folder as --output")
  whole.write_text(path, json.dumps({"digest": digest}))


def _make_shards(
  folder: pathlib.Path, settings: Settings, placed: splits.Splits, jobs: int
) -> list[prepare_shard.Made]:
  planned = [
    shard
    for name in SPLITS
    for shard in prepare_shard.plan(
      name,
      getattr(placed, name),
      settings.shard_utterances,
      folder,
      settings.sample_rate,
      settings.bounds,
    )
  ]
  # Threads of this process must not be forked, so the others begin afresh.
  spawn = multiprocessing.get_context("spawn")
  with (
    rich.progress.Progress(*_columns()) as progress,
    concurrent.futures.ProcessPoolExecutor(
      jobs, mp_context=spawn, initializer=prepare_shard.end_with_the_rest
    ) as pool,
  ):
    task = progress.add_task("Recordings", total=sum(len(shard.members) for shard in planned))
    # The processes begin deaf to Ctrl-C, until they can end at once and without a word.
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    waiting = {pool.submit(prepare_shard.make, shard): shard for shard in planned}
    signal.pthread_sigmask(signal.SIG_SETMASK, heard)
    try:
      for done in concurrent.futures.as_completed(waiting):
        done.result()
        progress.advance(task, len(waiting[done].members))
    except BaseException:
      pool.shutdown(cancel_futures=True)
      raise
  return [done.result() for done in waiting]  # in the order of the plan


def _columns() -> tuple[rich.progress.ProgressColumn, ...]:
  return (
    rich.progress.TextColumn("{task.description}"),
    rich.progress.BarColumn(),
    rich.progress.MofNCompleteColumn(),
    rich.progress.TimeRemainingColumn(),
  )


def word_pieces(texts: Sequence[str], settings: Settings) -> bytes:
  """The sentencepiece model of training texts, in whatever order they come.

  Raises ManifestError where the settings don't fit them.
  """
  try:
    return train_wordpieces(
      sorted(texts),
      vocab_size=settings.vocab_size,
      model_type=settings.pieces,
      character_coverage=settings.character_coverage,
    )
  except ValueError as error:
    raise ManifestError(f"word-pieces: {error}") from error


def _fitting(
  entries: Sequence[shards.Entry],
  where: Mapping[str, str],
  pieces: WordPieces,
  settings: Settings,
) -> tuple[list[shards.Entry], list[Rejected]]:
  """Training utterances whose text can be spelled, and has room in its frames.

  Dev and test keep theirs: what cannot be recognized counts as errors there.
  """
  kept, rejected = [], []
  for entry in entries:
    ids = np.array(pieces.encode(entry.text), np.int32)
    frames = int(entry.samples / settings.sample_rate / settings.frame_seconds)
    if pieces.unknown_id in ids:
      rejected.append(Rejected(where[entry.id], "unmappable text", entry.text[:80]))
    elif frames_needed(ids, 1) > frames:
      detail = f"{len(ids)} word-pieces in {frames} frames"
      rejected.append(Rejected(where[entry.id], "text does not fit its frames", detail))
    else:
      kept.append(entry)
  return kept, rejected


def _finish(
  folder: pathlib.Path,
  settings: Settings,
  placed: splits.Splits,
  entries: dict[str, list[shards.Entry]],
  report: ManifestReport,
) -> None:
  """Indices, report, and last of all the file that says that everything is there."""
  for name in SPLITS:
    shards.write_index(folder / f"{name}.tsv", entries[name])
  report.write(folder / LEFT_OUT)
  summary = {
    "version": shards.VERSION,
    "sample_rate": settings.sample_rate,
    "split": placed.rule,
    "speaker_disjoint": placed.speaker_disjoint,
    "report": str(report),
    "utterances": {name: len(entries[name]) for name in SPLITS},
    "hours": {
      name: sum(each.samples for each in entries[name]) / settings.sample_rate / 3600
      for name in SPLITS
    },
  }
  for part in folder.glob("*.part"):  # of runs that were killed
    part.unlink()
  whole.write_text(folder / shards.SUMMARY, json.dumps(summary, indent=2))
