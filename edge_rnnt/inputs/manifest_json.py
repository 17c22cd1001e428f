"""Lists of JSON objects, one a line: NeMo's manifests, and lhotse's cuts (also gzipped)."""

import gzip
import json
import pathlib
from collections.abc import Iterator
from typing import Any

from edge_rnnt.inputs.rejected import ManifestError
from edge_rnnt.inputs.utterance import Utterance

SUFFIXES = (".json", ".jsonl", ".jsonl.gz", ".json.gz")


def is_json(path: pathlib.Path) -> bool:
  return path.name.lower().endswith(SUFFIXES)


def json_rows(path: pathlib.Path) -> Iterator[Utterance]:
  """The utterances of a NeMo manifest or of lhotse's cuts, told apart by their fields.

  NeMo: audio_filepath and text, and any of duration, offset (seconds), speaker, id. lhotse: cuts of
  one recording in a file (MonoCut, or MultiCut without tracks); mixed, padded and streamed cuts are
  refused: export them to files first. Relative paths are relative to the list's folder.
  """
  for number, entry in _entries(path):
    try:
      yield _cut(path, entry) if "recording" in entry else _nemo(path, number, entry)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
      if isinstance(error, ManifestError):
        raise
      problem = f"has no {error}" if isinstance(error, KeyError) else error
      raise ManifestError(
        f"{path}, line {number}: {problem}; expected a NeMo entry (audio_filepath, text) or a "
        "lhotse cut of one recording"
      ) from error


def _entries(path: pathlib.Path) -> Iterator[tuple[int, dict[str, Any]]]:
  content = path.read_bytes()
  try:
    if path.suffix.lower() == ".gz":
      content = gzip.decompress(content)
    lines = content.decode("utf-8-sig").split("\n")  # texts may hold other ends of lines
  except (OSError, EOFError, UnicodeDecodeError) as error:
    raise ManifestError(f"{path} cannot be read as lines of JSON: {error}") from error
  for number, line in enumerate(lines, 1):
    if not line.strip():
      continue
    try:
      entry = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
      raise ManifestError(
        f"{path}, line {number} is no JSON: {error}; expected an object a line"
      ) from error
    if not isinstance(entry, dict):
      raise ManifestError(f"{path}, line {number}: expected an object a line, got {line[:60]!r}")
    yield number, entry


def _nemo(path: pathlib.Path, number: int, entry: dict[str, Any]) -> Utterance:
  audio = pathlib.PurePath(entry["audio_filepath"])
  duration, offset = entry.get("duration"), entry.get("offset")
  name = audio.with_suffix("").as_posix()
  return Utterance(
    id=str(entry.get("id") or (name if offset is None else f"{name}-{number}")),
    path=path.parent / audio,
    text=" ".join(entry["text"].split()),
    speaker=str(entry.get("speaker") or ""),
    seconds=None if duration is None else float(duration),
    start=float(offset or 0.0),
    segment=offset is not None,
  )


def _changes(recording: dict[str, Any]) -> list[str]:
  """What lhotse would do to the samples, but for resampling, which is done here anyhow."""
  names = [each["name"] for each in recording.get("transforms") or ()]
  return [name for name in names if name != "Resample"]


def _cut(path: pathlib.Path, entry: dict[str, Any]) -> Utterance:
  sources = entry["recording"]["sources"]
  channel = entry.get("channel", 0)
  if entry.get("type") not in ("MonoCut", "MultiCut") or len(sources) != 1:
    raise ManifestError(
      f"{path}: {entry.get('id')} is a {entry.get('type')} of {len(sources)} sources; expected "
      "cuts of one recording in one file"
    )
  (source,) = sources
  changed = _changes(entry["recording"])
  if changed:
    raise ManifestError(
      f"{path}: {entry['id']} is to be changed when it is read ({', '.join(changed)}), which is "
      "not done here: write the audio first (lhotse's save_audios), or leave it to training"
    )
  if source["type"] != "file":
    raise ManifestError(
      f"{path}: the audio of {entry['id']} is a {source['type']}; expected files: write them first"
    )
  spoken = sorted(entry.get("supervisions", ()), key=lambda each: each.get("start", 0.0))
  speakers = {each.get("speaker") or "" for each in spoken}
  alone = isinstance(channel, int) and len(source["channels"]) > 1
  return Utterance(
    id=str(entry["id"]),
    path=path.parent / source["source"],
    text=" ".join(" ".join(each.get("text") or "" for each in spoken).split()),
    speaker=speakers.pop() if len(speakers) == 1 else "",
    seconds=float(entry["duration"]),
    start=float(entry["start"]),
    # The channels of a source are named in the order in which they lie in its file.
    channel=source["channels"].index(channel) if alone else None,
    segment=True,
  )
