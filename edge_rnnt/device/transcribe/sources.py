"""What is transcribed: files, raw samples from a pipe, a microphone."""

import glob
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

from edge_rnnt.audio.files import AUDIO_SUFFIXES, AudioError, stream_audio
from edge_rnnt.audio.folders import files_below
from edge_rnnt.audio.resample import resampled
from edge_rnnt.device.microphone import microphone
from edge_rnnt.device.transcribe import pcm

CHUNK_SECONDS = 0.1
"""How much audio is asked for at a time; what is recognized does not depend on it."""


@runtime_checkable
class Source(Protocol):
  """One piece of audio with a name."""

  @property
  def name(self) -> str: ...

  @property
  def relative(self) -> Path:
    """Its place below a folder of outputs."""
    ...

  def chunks(self, sample_rate: int) -> Iterator[Float32[np.ndarray, "n"]]:
    """Its samples in [-1, 1], one channel; raises AudioError when they cannot be had."""
    ...


class File(NamedTuple):
  """An audio file, and where it lies below the folder that was named."""

  path: Path
  relative: Path
  channel: int | None = None

  @property
  def name(self) -> str:
    return str(self.path)

  def chunks(self, sample_rate: int) -> Iterator[Float32[np.ndarray, "n"]]:
    return stream_audio(self.path, sample_rate, CHUNK_SECONDS, channel=self.channel)


class Stdin(NamedTuple):
  """Raw samples from standard input; without a rate, at the model's."""

  rate: int | None
  encoding: str
  channels: int
  name: str = pcm.NAME
  relative: Path = Path(pcm.NAME)

  def chunks(self, sample_rate: int) -> Iterator[Float32[np.ndarray, "n"]]:
    if sys.stdin is None:
      raise AudioError(pcm.NAME, "is closed", "Pipe raw samples into this program.")
    if sys.stdin.isatty():
      raise AudioError(pcm.NAME, "is a terminal", "Pipe raw samples into this program.")
    rate = self.rate or sample_rate
    blocks = pcm.pcm_blocks(sys.stdin.buffer, rate, self.encoding, self.channels, CHUNK_SECONDS)
    return resampled(blocks, rate, sample_rate)


class Microphone(NamedTuple):
  """A microphone by name or number; the system's default one if None.

  tell: what its user should know, "listening" among it.
  """

  device: str | None
  tell: Callable[[str], None]
  name: str = "microphone"
  relative: Path = Path("microphone")

  def chunks(self, sample_rate: int) -> Iterator[Float32[np.ndarray, "n"]]:
    with microphone(self.device, CHUNK_SECONDS, self.tell) as (rate, blocks):
      self.tell("listening; Ctrl-C ends")
      yield from resampled(blocks, rate, sample_rate)


class Nothing(ValueError):
  """A folder or a pattern without any audio, or a folder that cannot be listed."""


def find(paths: Iterable[str], channel: int | None = None) -> tuple[list[File], list[Nothing]]:
  """(the files meant by paths, what was wrong with some paths).

  A file is taken as it is; a folder stands for the audio in it and in its folders, sorted, hidden
  files left out; a pattern (*, ?, [], **) that is no file stands for what it matches. A file that
  is meant twice is taken once.
  """
  files: dict[Path, File] = {}
  wrong: list[Nothing] = []
  for path in paths:
    try:
      found = list(_expand(path, wrong))
    except Nothing as error:
      wrong.append(error)
      continue
    for each, relative in found:
      files.setdefault(each.absolute(), File(each, relative, channel))
  return list(files.values()), wrong


def _expand(path: str, wrong: list[Nothing]) -> Iterator[tuple[Path, Path]]:
  """(file, its place below the folder that was named); raises Nothing, or adds it to `wrong`."""
  if not path:  # which Path takes for the folder one stands in
    raise Nothing("an empty path means no file")
  if Path(path).is_dir():
    yield from _inside(Path(path), wrong)
  elif Path(path).exists() or not glob.has_magic(path):
    yield Path(path), Path(Path(path).name)
  else:
    matches = sorted(glob.glob(path, recursive=True))
    if not matches:
      raise Nothing(f"no file matches {path}")
    for match in matches:
      # What ** matches includes folders, whose files it matches as well.
      if not Path(match).is_dir():
        yield Path(match), Path(Path(match).name)
      elif "**" not in path:
        yield from _inside(Path(match), wrong)


def _inside(folder: Path, wrong: list[Nothing]) -> Iterator[tuple[Path, Path]]:
  lost: list[OSError] = []
  inside = sorted(
    path
    for path in files_below(folder, lost)
    if path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".")
  )
  wrong += [Nothing(f"{each.filename} cannot be listed: {each.strerror}") for each in lost]
  if not inside:
    raise Nothing(f"no audio in {folder} (looked for {', '.join(AUDIO_SUFFIXES)})")
  yield from ((path, path.relative_to(folder)) for path in inside)
