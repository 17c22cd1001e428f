"""Audio files of any rate, channels and codec -> float32 samples at the rate that was asked for.

WAV, FLAC, Ogg Vorbis, Ogg Opus and MP3 through libsndfile; channels are averaged, or one is taken;
rates are changed by soxr (HQ, linear phase). A file read in chunks gives the same samples as a file
read whole: both are one stream.
"""

import os
import pathlib
import re
from collections.abc import Iterator

import numpy as np
import soundfile
from jaxtyping import Float32

from edge_rnnt.audio.resample import resampled

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3")
READ_SECONDS = 30.0  # the chunks of read_audio: no overhead to speak of, little memory
RATES = (1000, 1_000_000)  # Hz; beyond is a damaged header, costly to believe
LOUDEST = 100.0  # float files overshoot 1 a little; what is beyond this was never scaled to [-1, 1]
UNKNOWN_LENGTH = 0x7FFF0000  # writers to a pipe put such sizes into WAV headers


class AudioError(ValueError):
  """An audio file that cannot be used; the message names it, says what is wrong and what to do."""

  def __init__(self, path: str | os.PathLike, problem: str, remedy: str):
    super().__init__(f"{path}: {problem}. {remedy}")
    self.path, self.problem, self.remedy = path, problem, remedy

  def __reduce__(self) -> tuple:
    return (AudioError, (self.path, self.problem, self.remedy))


def read_audio(
  path: str | os.PathLike, sample_rate: int, *, channel: int | None = None
) -> Float32[np.ndarray, "N"]:
  """The whole file as one channel in [-1, 1] at sample_rate (Hz).

  channel: which one, from 0 (None: their mean; the two sides of a telephone call are not one).
  Resampled loud audio may overshoot 1 by a little; it is not clipped.

  Raises AudioError if the file is missing, empty, cut short, no audio, or holds NaN or infinite
  samples. A cut Ogg or MP3 file cannot be told from a short one; it is read as far as it goes.
  """
  return np.concatenate(list(stream_audio(path, sample_rate, READ_SECONDS, channel=channel)))


def announced_seconds(path: str | os.PathLike) -> float:
  """How long the file lasts by its header, which of an MP3 may be an estimate.

  Raises AudioError as read_audio does for what the header shows.
  """
  with _open(path) as sound:
    return sound.frames / sound.samplerate


def stream_audio(
  path: str | os.PathLike, sample_rate: int, chunk_seconds: float, *, channel: int | None = None
) -> Iterator[Float32[np.ndarray, "n"]]:
  """The samples of read_audio in pieces of about chunk_seconds; resampling makes lengths vary.

  Raises AudioError as read_audio does: at once for what the header shows, else when the bad piece
  is reached.
  """
  if sample_rate < 1 or not chunk_seconds > 0:
    raise ValueError(
      f"sample_rate (Hz) and chunk_seconds must be positive, got {sample_rate} and {chunk_seconds}."
    )
  sound = _open(path)
  if channel is not None and not 0 <= channel < sound.channels:
    raise AudioError(
      path, f"has no channel {channel}, but {sound.channels}", "Channels are counted from 0."
    )
  return _resampled(sound, path, sample_rate, chunk_seconds, channel)


def _resampled(
  sound: soundfile.SoundFile,
  path: str | os.PathLike,
  sample_rate: int,
  chunk_seconds: float,
  channel: int | None,
) -> Iterator[Float32[np.ndarray, "n"]]:
  with sound:
    block_frames = min(max(1, round(chunk_seconds * sound.samplerate)), sound.frames)
    mono = _mono(sound, path, block_frames, channel)
    yield from resampled(mono, sound.samplerate, sample_rate)


def _mono(
  sound: soundfile.SoundFile, path: str | os.PathLike, block_frames: int, channel: int | None
) -> Iterator[Float32[np.ndarray, "n"]]:
  heard = 0
  while True:
    try:
      block = sound.read(block_frames, dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
      raise AudioError(path, f"breaks off after {heard} samples ({error})", _REPLACE) from error
    if not len(block):
      break
    heard += len(block)
    check_values(block, path)
    yield block.mean(axis=1) if channel is None else np.ascontiguousarray(block[:, channel])
  # The header of an MP3 may only estimate its length.
  if not heard or (heard < sound.frames and sound.format != "MP3"):
    raise AudioError(
      path, f"is cut short: {sound.frames} samples announced, {heard} found", _REPLACE
    )


def check_values(block: Float32[np.ndarray, "n C"], path: str | os.PathLike) -> None:
  """Raises AudioError, naming path, for NaN, infinite, and absurdly large samples."""
  if not np.isfinite(block).all():
    raise AudioError(path, "holds NaN or infinite samples", "Write it again from its source.")
  loudest = np.abs(block).max()
  if loudest > LOUDEST:
    raise AudioError(
      path,
      f"holds samples of size {loudest:.4g}, where floating-point audio stays within [-1, 1]",
      "Divide 16-bit values by 32768 before writing them as floats.",
    )


_REPLACE = "Copy or download it again, or leave it out of the list."


class _ForwardOnly(soundfile.SoundFile):
  """soundfile seeks to where it stands after every read, which makes MP3 lose its bit reservoir."""

  def seekable(self) -> bool:
    return False


def _open(path: str | os.PathLike) -> soundfile.SoundFile:
  location = pathlib.Path(path)
  if not location.exists():
    raise AudioError(path, "does not exist", "Check the path and the folder it is relative to.")
  if not location.is_file():
    raise AudioError(path, "is not a file", "Name one audio file, not a folder.")
  if not location.stat().st_size:
    raise AudioError(path, "is empty (0 bytes)", _REPLACE)
  try:
    location.open("rb").close()
  except OSError as error:
    raise AudioError(path, f"cannot be read: {error.strerror}", "May you read it?") from error
  try:
    # As bytes, a name may hold what is no text.
    sound = _ForwardOnly(os.fsencode(location) if os.name == "posix" else os.fspath(location))
  except (soundfile.SoundFileError, TypeError, ValueError) as error:
    known = ", ".join(suffix[1:].upper() for suffix in AUDIO_SUFFIXES)
    raise AudioError(
      path, f"is broken or is not audio of a known kind ({known})", "Convert it, or leave it out."
    ) from error
  _check_announced(path, sound.extra_info)
  if not sound.frames:
    raise AudioError(path, "holds no samples", _REPLACE)
  lowest, highest = RATES
  if not lowest <= sound.samplerate <= highest:
    raise AudioError(
      path,
      f"announces {sound.samplerate} samples a second, where {lowest} to {highest} are usual",
      _REPLACE,
    )
  return sound


def _check_announced(path: str | os.PathLike, log: str) -> None:
  """Raises AudioError for a WAV whose header contradicts the file.

  libsndfile reads such files without complaint and only notes the contradiction in its log.
  """
  note = re.search(r"^data : (\d+)(?: \(should be (\d+)\))?$", log, re.MULTILINE)
  if not note:
    return
  announced, found = int(note[1]), int(note[2] or note[1])
  if 0 < found < announced < UNKNOWN_LENGTH:
    raise AudioError(
      path, f"is cut short: {announced} bytes of sound announced, {found} found", _REPLACE
    )
  # Where the announced sound ends, sound goes on: the header was never completed.
  beyond = re.search(
    r"^(?:\*\*\* Unknown chunk|Have 0) marker .*at position (\d+)", log, re.MULTILINE
  )
  length = re.search(r"^Length : (\d+)$", log, re.MULTILINE)
  if beyond and length and (rest := int(length[1]) - int(beyond[1])) > announced:
    raise AudioError(
      path,
      f"has a wrong header: {announced} bytes of sound announced, {rest} more follow",
      "Write it again: ffmpeg -ignore_length 1 -i OLD.wav NEW.wav",
    )
