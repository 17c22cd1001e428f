"""Folders of audio: with a .txt beside each file, as LibriSpeech lies, or as Common Voice does."""

import pathlib
import unicodedata
from collections.abc import Iterator

from edge_rnnt.audio.files import AUDIO_SUFFIXES
from edge_rnnt.audio.folders import files_below
from edge_rnnt.inputs.manifest_table import rows_of
from edge_rnnt.inputs.rejected import ManifestError, Rejected
from edge_rnnt.inputs.splits import NAMES
from edge_rnnt.inputs.utterance import Utterance

# What else people call audio. Some of it libsndfile reads; of the rest the report says that it
# can't be read, instead of nothing.
OTHER_AUDIO = (
  ".3gp", ".aac", ".aif", ".aiff", ".amr", ".au", ".caf", ".m4a", ".mp4", ".oga", ".opus", ".sph",
  ".w64", ".webm", ".wma",
)  # fmt: skip
CHAPTER = ".trans.txt"  # LibriSpeech's transcript of a chapter
SUBSETS = ("train", "dev", "test")
SPLIT_TABLES = {"train.tsv": "train", "dev.tsv": "dev", "test.tsv": "test"}


def folder_rows(folder: pathlib.Path) -> Iterator[Utterance | Rejected]:
  """Audio files with same-named .txt files, in all folders below; a chapter's .trans.txt as in
  LibriSpeech will do, whose subsets are kept apart where there are some of all three kinds. What
  has no partner, or is not UTF-8, is rejected by name, and so is a folder that cannot be listed.
  The folder below `folder` is the speaker; or the split, if all are train, dev, test or the like.
  """
  lost: list[OSError] = []
  everything = sorted(files_below(folder, lost))
  yield from (Rejected(str(e.filename), "unreadable folder", e.strerror or "") for e in lost)
  wanted = {*AUDIO_SUFFIXES, *OTHER_AUDIO}
  audio = [each for each in everything if each.suffix.lower() in wanted]
  texts = {
    _stem(each): each for each in everything if each.suffix.lower() == ".txt" and each.is_file()
  }
  chapters: dict[str, str] = {}
  for path in [each for each in texts.values() if each.name.endswith(CHAPTER)]:
    del texts[_stem(path)]
    chapters |= _chapter(path)
  spoken = {_stem(path) for path in audio}
  published = {_subset(folder, path) for path in audio} >= set(SUBSETS)
  tops = {_top(folder, path).lower() for path in audio}
  splits = len(tops) > 1 and tops <= set(NAMES)
  for path in audio:
    transcript = texts.get(_stem(path))
    name = path.relative_to(folder).with_suffix("").as_posix()
    split = _top(folder, path).lower() if splits else ""
    # A folder level above the files is the speaker, as most private collections have it.
    speaker = _top(folder / _top(folder, path) if splits else folder, path)
    if transcript is None and path.stem in chapters:
      # <speaker>-<chapter>-<number>
      text, speaker = chapters.pop(path.stem), path.stem.partition("-")[0]
      split = _subset(folder, path) if published else ""
    elif transcript is None:
      yield Rejected(str(path), "audio without transcript", f"expected {path.stem}.txt beside it")
      continue
    else:
      text = _read(transcript)
    if text is None:
      yield Rejected(str(path), "transcript is not UTF-8 text", str(transcript))
    else:
      yield Utterance(name, path, " ".join(text.split()), speaker, split)
  if audio:
    alone = [each for name, each in texts.items() if name not in spoken]
    yield from (Rejected(str(each), "transcript without audio") for each in alone)
    yield from (Rejected(name, "transcript without audio", "LibriSpeech") for name in chapters)


def _stem(path: pathlib.Path) -> str:
  """What audio and its text have in common; some systems write accents as letters of their own."""
  return unicodedata.normalize("NFC", str(path.with_suffix("")))


def _top(folder: pathlib.Path, path: pathlib.Path) -> str:
  """The first folder on the way from `folder` to the file; "" if it lies in `folder` itself."""
  first, *rest = path.relative_to(folder).parts
  return first if rest else ""


def _subset(folder: pathlib.Path, path: pathlib.Path) -> str:
  """train for a file below train-clean-100, and so on."""
  return path.relative_to(folder).parts[0].partition("-")[0]


def _read(path: pathlib.Path) -> str | None:
  """The text of a file, with or without a byte-order mark; None if it is not UTF-8."""
  try:
    return path.read_text(encoding="utf-8-sig")
  except UnicodeDecodeError:
    return None


def _chapter(path: pathlib.Path) -> dict[str, str]:
  """Lines of "<speaker>-<chapter>-<number> TEXT", in lower case: books shout for no reason."""
  lines = (_read(path) or "").splitlines()
  split = [line.split(maxsplit=1) for line in lines if line.strip()]
  return {name: " ".join(words).lower() for name, *words in split}


def is_common_voice(folder: pathlib.Path) -> bool:
  return (folder / "clips").is_dir() and bool(_tables(folder))


def common_voice_rows(folder: pathlib.Path) -> Iterator[Utterance]:
  """An extracted Common Voice language: clips/, and train.tsv, dev.tsv and test.tsv as its makers
  split it (no speaker is in two); or validated.tsv alone, unsplit.
  """
  for table in _tables(folder):
    with rows_of(table) as rows:
      missing = {"client_id", "path", "sentence"} - set(rows.fieldnames or ())
      if missing:
        raise ManifestError(
          f"{table} is no table of Common Voice: it has no column {' and '.join(sorted(missing))}"
        )
      for row in rows:
        yield Utterance(
          id=pathlib.PurePath(row["path"]).stem,
          path=folder / "clips" / row["path"],
          text=" ".join((row["sentence"] or "").split()),
          speaker=row["client_id"],
          split=SPLIT_TABLES.get(table.name, ""),
        )


def _tables(folder: pathlib.Path) -> list[pathlib.Path]:
  split = [folder / name for name in SPLIT_TABLES]
  if all(each.is_file() for each in split):
    return split
  return [each for each in (folder / "validated.tsv",) if each.is_file()]
