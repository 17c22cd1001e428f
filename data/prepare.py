r"""Recordings in any usual form -> checked, split, resampled and packed for training.

  python -m data.prepare --input=FOLDER_OR_LIST --output=DIR
  python -m experiments.quickstart --data_dir=DIR

Takes a folder of audio with .txt files, a CSV or TSV (columns path and text), a Kaldi data
directory, a NeMo manifest or lhotse cuts; WAV, FLAC, Ogg, Opus and MP3 at any rate. Checks every
recording and names those left out in DIR/left_out.tsv; splits by speaker; trains word-pieces on the
training text; writes FLAC in ArrayRecord shards with an index (edge_rnnt/inputs/shards.py). Stop it
in any way: nothing half done is taken for whole, and the same command goes on.
"""

import concurrent.futures
import dataclasses
import hashlib
import json
import multiprocessing
import os
import pathlib
import sys
from collections.abc import Sequence

import numpy as np
import rich.console
import rich.progress
import rich.table
from absl import app, flags

from data import prepare_shard
from edge_rnnt.inputs import shards, splits
from edge_rnnt.inputs.check import Bounds
from edge_rnnt.inputs.manifest import read_manifest
from edge_rnnt.inputs.prepared import frames_needed
from edge_rnnt.inputs.rejected import ManifestError, ManifestReport, Rejected
from edge_rnnt.text.wordpiece import WordPieces, train_wordpieces

SPLITS = ("train", "dev", "test")
BEGUN = "preparing.json"


@dataclasses.dataclass(frozen=True)
class Settings:
  """What prepared speech depends on, besides the recordings.

  frame_seconds: of an encoder frame; a training utterance must have one for every word-piece.
  """

  sample_rate: int = 16000
  bounds: Bounds = dataclasses.field(default_factory=Bounds)
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
  placed = splits.split(utterances)
  folder.mkdir(parents=True, exist_ok=True)
  _begin(folder, settings, placed)
  made = _make_shards(folder, settings, placed, jobs)
  entries = {name: [] for name in SPLITS}
  rejected = list(listed.rejected)
  for each in made:
    entries[each.split] += each.entries
    rejected += each.rejected
  for name in SPLITS:
    if not entries[name]:
      _write_report(folder, ManifestReport(0, tuple(rejected)))
      raise ManifestError(
        f"nothing usable is left for {name}: {folder / 'left_out.tsv'} names every recording"
      )
  pieces = _word_pieces(folder, settings, [entry.text for entry in entries["train"]])
  entries["train"], unfit = _fitting(entries["train"], pieces, settings)
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
  if any(folder.iterdir()):
    raise ManifestError(f"{folder} is not empty: give a new folder as --output")
  part = path.with_suffix(".part")
  part.write_text(json.dumps({"digest": digest}))
  part.replace(path)


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
    concurrent.futures.ProcessPoolExecutor(jobs, mp_context=spawn) as pool,
  ):
    task = progress.add_task("Recordings", total=sum(len(shard.members) for shard in planned))
    waiting = {pool.submit(prepare_shard.make, shard): shard for shard in planned}
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


def _word_pieces(folder: pathlib.Path, settings: Settings, texts: Sequence[str]) -> WordPieces:
  try:
    model = train_wordpieces(
      sorted(texts),
      vocab_size=settings.vocab_size,
      model_type=settings.pieces,
      character_coverage=settings.character_coverage,
    )
  except ValueError as error:
    raise ManifestError(f"word-pieces: {error}") from error
  part = (folder / shards.WORDPIECES).with_suffix(".part")
  part.write_bytes(model)
  part.replace(folder / shards.WORDPIECES)
  return WordPieces(model)


def _fitting(
  entries: Sequence[shards.Entry], pieces: WordPieces, settings: Settings
) -> tuple[list[shards.Entry], list[Rejected]]:
  """Training utterances whose text can be spelled, and has room in its frames.

  Dev and test keep theirs: what cannot be recognized counts as errors there.
  """
  kept, rejected = [], []
  for entry in entries:
    ids = np.array(pieces.encode(entry.text), np.int32)
    frames = int(entry.samples / settings.sample_rate / settings.frame_seconds)
    if pieces.unknown_id in ids:
      rejected.append(Rejected(entry.id, "unmappable text", entry.text[:80]))
    elif frames_needed(ids, 1) > frames:
      detail = f"{len(ids)} word-pieces in {frames} frames"
      rejected.append(Rejected(entry.id, "text does not fit its frames", detail))
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
  _write_report(folder, report)
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
  part = folder / "summary.part"
  part.write_text(json.dumps(summary, indent=2), encoding="utf-8")
  part.replace(folder / shards.SUMMARY)


def _write_report(folder: pathlib.Path, report: ManifestReport) -> None:
  report.write(folder / "left_out.tsv")


def _show(folder: pathlib.Path, report: ManifestReport) -> None:
  console = rich.console.Console()
  summary = shards.read_summary(folder)
  table = rich.table.Table("split", "utterances", "hours", "speakers")
  for name in SPLITS:
    speakers = {each.speaker for each in shards.read_index(folder / f"{name}.tsv")} - {""}
    hours = f"{summary['hours'][name]:.2f}"
    table.add_row(name, str(summary["utterances"][name]), hours, str(len(speakers) or "unknown"))
  console.print(table)
  console.print(f"Split {summary['split']}.", markup=False, soft_wrap=True)
  console.print(f"{report}.", markup=False, soft_wrap=True)
  if report.rejected:
    console.print(f"Each is named in {folder / 'left_out.tsv'}", markup=False, soft_wrap=True)
  console.print("\nTrain on it:")
  command = f"python -m experiments.quickstart --data_dir={folder} --workdir=runs/{folder.name}"
  console.print(f"  {command}", markup=False, highlight=False, soft_wrap=True)


def main() -> None:
  """The command line."""
  settings = Settings()
  source = flags.DEFINE_string("input", None, "Folder or list of recordings.", required=True)
  output = flags.DEFINE_string("output", None, "Where to write; a new folder.", required=True)
  rate = flags.DEFINE_integer("sample_rate", settings.sample_rate, "Hz to keep.", lower_bound=1000)
  longest = flags.DEFINE_float("longest", settings.bounds.longest, "Seconds of an utterance.")
  shortest = flags.DEFINE_float("shortest", settings.bounds.shortest, "Seconds of an utterance.")
  clipped = flags.DEFINE_float(
    "clipped", settings.bounds.clipped, "Largest share of samples at full scale."
  )
  pieces = flags.DEFINE_enum(
    "pieces", settings.pieces, ["bpe", "unigram", "char", "word"], "Kind of word-pieces."
  )
  vocab = flags.DEFINE_integer(
    "vocab_size", settings.vocab_size, "Word-pieces, blank and unknown counted.", 3, 65536
  )
  coverage = flags.DEFINE_float(
    "character_coverage", 1.0, "Share of letters that get a piece.", 0.98, 1.0
  )
  jobs = flags.DEFINE_integer("jobs", os.cpu_count() or 1, "Processes.", lower_bound=1)

  def run(argv: list[str]) -> None:
    if len(argv) > 1:
      raise app.UsageError(f"unknown arguments {argv[1:]}: options begin with --, see --help")
    chosen = Settings(
      sample_rate=rate.value,
      bounds=Bounds(shortest.value, longest.value, clipped.value),
      pieces=pieces.value,
      vocab_size=vocab.value,
      character_coverage=coverage.value,
    )
    folder = pathlib.Path(output.value)
    try:
      report = prepare(pathlib.Path(source.value), folder, chosen, jobs=jobs.value)
    except ManifestError as error:
      sys.exit(f"{type(error).__name__}: {error}")
    _show(folder, report)

  app.run(run)


if __name__ == "__main__":
  main()
