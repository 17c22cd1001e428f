r"""What a model mishears: by word and by speaker, counted from what a run has written.

  python -m experiments.errors runs/study/edge-70%-0 --model=pruned-integer
  python -m experiments.errors runs/study --model=lstm-80%-float --most=30

For each test set its commonest errors ("said -> heard", and of how many times the word was said),
and the WER of each speaker, the worst first. The folder may be a run's or a sweep's. Speakers come
from ../shared/data, or --data_dir, whatever the run was made from.
"""

import argparse
import collections
import json
import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from data import at_hand
from edge_rnnt.report import examples, results, seeds, units
from edge_rnnt.report.hypotheses import Heard, check_row, read_hypotheses, rescore
from edge_rnnt.report.table import Cell, Table, markdown

NOBODY = "\N{EN DASH}"  # a deletion has no heard word, an insertion no said one


class Speaker(NamedTuple):
  """What was heard of one person. wer: in percent."""

  name: str
  utterances: int
  words: int
  wer: float


def by_speaker(heard: Sequence[Heard], speakers: Mapping[str, str]) -> list[Speaker]:
  """The worst first; utterances whose speaker is not known are left out."""
  groups: dict[str, list[Heard]] = collections.defaultdict(list)
  for each in heard:
    if speakers.get(each.id):
      groups[speakers[each.id]].append(each)
  rates = {name: rescore(members, samples=1) for name, members in groups.items()}
  found = [
    Speaker(name, len(groups[name]), rate.words, 100 * rate.wer) for name, rate in rates.items()
  ]
  return sorted(found, key=lambda each: (-each.wer, each.name))


def word_table(heard: Sequence[Heard], most: int) -> Table:
  """said | heard | times | times that the word was said."""
  said = collections.Counter(
    word.said for each in heard for word in examples.align(each.reference, each.hypothesis)
  )
  frequent = examples.errors(heard, most=most).frequent
  rows = tuple(
    (
      Cell(word.said or NOBODY),
      Cell(word.heard or NOBODY),
      Cell(str(times)),
      Cell(str(said[word.said]) if word.said else NOBODY),
    )
    for word, times in frequent
  )
  aligns = ("left", "left", "right", "right")
  return _table(("said", "heard", "times", "of"), aligns, rows)


def speaker_table(found: Sequence[Speaker]) -> Table:
  """speaker | utterances | words | WER."""
  rows = tuple(
    (Cell(each.name), Cell(str(each.utterances)), Cell(str(each.words)), Cell(units.rate(each.wer)))
    for each in found
  )
  aligns = ("left", "right", "right", "right")
  return _table(("speaker", "utterances", "words", "WER %"), aligns, rows)


def told(
  found: results.Results,
  folder: pathlib.Path,
  name: str,
  speakers: Mapping[str, str],
  most: int,
) -> str:
  """All of it in Markdown. Raises ResultsError for a name that the results don't have, or a row
  whose hypotheses tell another WER.
  """
  rows = [row for row in found.rows if row.name == name and row.set != results.POOLED]
  rows = rows or [row for row in found.rows if row.name == name]
  if not rows:
    raise results.ResultsError(
      f"--model={name}: {folder} has {', '.join(row.name for row in found.main_rows)}"
    )
  parts = [f"# Errors of {name}"]
  for row in rows:
    heard = read_hypotheses(folder / row.hypotheses)
    check_row(row, heard)
    if row.seeds > 1:  # all that was made of an utterance is its speaker's
      heard = [each for run in seeds.by_seed(heard).values() for each in run]
    kinds = examples.errors(heard)
    parts.append(
      f"## {row.set}\n\nWER {units.rate(row.wer)} % of {units.exact(row.words)} words"
      f"{f', {row.seeds} seeds' if row.seeds > 1 else ''}: {kinds.substitutions} substitutions, "
      f"{kinds.deletions} deletions, {kinds.insertions} insertions."
    )
    parts.append(markdown(word_table(heard, most)))
    people = by_speaker(heard, speakers)
    parts.append(markdown(speaker_table(people)) if people else "Speakers: not known.")
  return "\n\n".join(parts)


def speakers_of(run: pathlib.Path, data_dir: pathlib.Path | None) -> dict[str, str]:
  """Utterance -> speaker of the test speech that a run of this config is measured on."""
  config = json.loads((run / "config.json").read_text(encoding="utf-8"))
  corpora = at_hand.resolve(
    data_dir=data_dir,
    shared=at_hand.BESIDE_REPOSITORY,
    cache_dir=run / "data",
    online=False,
    sample_rate=config["front_end"]["sample_rate"],
    begun_with=config["speech"]["kind"],
    domains=config["domains"],
  )
  return {
    source.id(item): source.speaker(item)
    for source in corpora.test.values()
    for item in range(len(source))
  }


def _table(heads: tuple[str, ...], aligns: tuple, rows: tuple[tuple[Cell, ...], ...]) -> Table:
  return Table(caption="", heads=heads, aligns=aligns, rows=rows, schemes=("float",) * len(rows))


def main() -> None:
  parser = argparse.ArgumentParser(prog="python -m experiments.errors")
  parser.add_argument("folder", type=pathlib.Path, help="of a finished run or sweep")
  parser.add_argument("--model", required=True, help="its name in the results")
  parser.add_argument("--most", type=int, default=12, help="errors of each set (%(default)s)")
  parser.add_argument("--data_dir", type=pathlib.Path, help="the run's own recordings, if any")
  options = parser.parse_args()
  folder = options.folder
  try:
    found = results.load(folder / "results.json")
    run = folder if (folder / "config.json").exists() else folder / found.rows[0].device_file
    run = next(each for each in (run, *run.parents) if (each / "config.json").exists())
    people = speakers_of(run, options.data_dir)
    print(told(found, folder, options.model, people, options.most))
  except (results.ResultsError, at_hand.NoSpeech) as error:
    sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
  main()
