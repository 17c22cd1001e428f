r"""Recordings in any usual form -> checked, split, resampled and packed for training.

  python -m data.prepare --input=FOLDER_OR_LIST --output=DIR
  python -m experiments.quickstart --data_dir=DIR

Takes a folder of audio with .txt files, an extracted LibriSpeech or Common Voice folder, a CSV or
TSV (columns path and text), a Kaldi data directory, a NeMo manifest or lhotse cuts; WAV, FLAC, Ogg,
Opus and MP3 at any rate. Checks every recording and names those left out in DIR/left_out.tsv;
splits by speaker; trains word-pieces on the training text; writes FLAC in ArrayRecord shards with
an index (edge_rnnt/inputs/shards.py). Stop it in any way: nothing half done is taken for whole, and
the same command goes on.
"""

import concurrent.futures.process
import os
import pathlib
import signal
import sys

import rich.console
import rich.table
from absl import app, flags

from data.preparation import LEFT_OUT, SPLITS, Settings, prepare
from edge_rnnt.inputs import shards
from edge_rnnt.inputs.check import Bounds
from edge_rnnt.inputs.rejected import ManifestError, ManifestReport
from edge_rnnt.text.wordpiece import WordPieces


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
  pieces = WordPieces((folder / shards.WORDPIECES).read_bytes())
  console.print(f"{pieces.vocab_size} word-pieces, blank and unknown counted.", markup=False)
  if report.rejected:
    console.print(f"Each is named in {folder / LEFT_OUT}", markup=False, soft_wrap=True)
  console.print("\nTrain on it:")
  command = f"python -m experiments.quickstart --data_dir={folder} --workdir=runs/{folder.name}"
  console.print(f"  {command}", markup=False, highlight=False, soft_wrap=True)


def main() -> None:
  """The command line."""
  settings = Settings()
  source = flags.DEFINE_string("input", None, "Folder or list of recordings.", required=True)
  output = flags.DEFINE_string("output", None, "Where to write; a new folder.", required=True)
  rate = flags.DEFINE_integer("sample_rate", settings.sample_rate, "Hz to keep.", lower_bound=1000)
  longest = flags.DEFINE_float("longest", settings.bounds.longest, "Seconds of an utterance.", 0.0)
  shortest = flags.DEFINE_float(
    "shortest", settings.bounds.shortest, "Seconds of an utterance.", 0.0
  )
  clipped = flags.DEFINE_float(
    "clipped", settings.bounds.clipped, "Largest share of samples at full scale."
  )
  text = flags.DEFINE_enum(
    "text",
    settings.text,
    ["plain", "as_is"],
    "Lower case without punctuation, as words are scored; or texts as they are.",
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
      text=text.value,
      pieces=pieces.value,
      vocab_size=vocab.value,
      character_coverage=coverage.value,
    )
    folder = pathlib.Path(output.value)
    try:
      report = prepare(pathlib.Path(source.value), folder, chosen, jobs=jobs.value)
    except (ManifestError, OSError) as error:
      sys.exit(f"{type(error).__name__}: {error}")
    except concurrent.futures.process.BrokenProcessPool:
      sys.exit("A process was killed, as when memory is short: the same command goes on (--jobs=1)")
    except KeyboardInterrupt:
      print("Stopped. The same command goes on from there.", file=sys.stderr)
      sys.exit(128 + signal.SIGINT)
    _show(folder, report)

  app.run(run)


if __name__ == "__main__":
  main()
