"""Audio to text with a device file.

    python -m edge_rnnt.device.transcribe --model FILE a.wav b.flac folder/ [--json]
    python -m edge_rnnt.device.transcribe --model FILE --mic

Every file is streamed through the recognizer chunk by chunk, as a microphone would be, at any
sample rate, with any number of channels. Folders are searched for audio files, in sorted order. A
file that cannot be read is named on stderr and skipped; the exit code is then 1.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

# One thread, as on a device, and as RTF is defined; BLAS reads this once, when NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from edge_rnnt.audio.files import AUDIO_SUFFIXES, AudioError, stream_audio
from edge_rnnt.device.container import ContainerError
from edge_rnnt.device.engine import Recognizer, Word
from edge_rnnt.device.microphone import MicrophoneError, microphone

INTERRUPTED = 130


class Transcript(NamedTuple):
  """What was recognized in one file."""

  path: str
  text: str
  words: list[Word]
  seconds: float
  """Length of the audio."""
  compute: float
  """Seconds spent on recognizing it."""

  @property
  def rtf(self) -> float:
    return self.compute / self.seconds if self.seconds else 0.0


def main(arguments: list[str] | None = None) -> int:
  """Returns the exit code: 0, 1 if a file failed, 2 if nothing could be done."""
  options = _parser().parse_args(arguments)
  if bool(options.paths) == options.mic:
    _parser().error("name audio files or folders, or else --mic")
  try:
    recognizer = Recognizer.open(options.model)
    if options.mic:
      return _listen(recognizer, options.chunk)
    return _transcribe(recognizer, options)
  except (ContainerError, MicrophoneError) as error:
    print(error, file=sys.stderr)
    return 2
  except KeyboardInterrupt:
    print("interrupted", file=sys.stderr)
    return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog="python -m edge_rnnt.device.transcribe", description="Streams audio through a device file."
  )
  parser.add_argument("paths", nargs="*", metavar="PATH", help="audio files, or folders of them")
  parser.add_argument("--model", required=True, metavar="FILE", help="device file")
  parser.add_argument("--mic", action="store_true", help="listen to the microphone")
  parser.add_argument("--json", action="store_true", help="one JSON object per file")
  parser.add_argument(
    "--chunk",
    type=_seconds,
    default=0.1,
    metavar="SECONDS",
    help="audio fed at a time (%(default)s)",
  )
  return parser


def _seconds(text: str) -> float:
  seconds = float(text)
  if not 0.001 <= seconds <= 60:
    raise argparse.ArgumentTypeError(f"expected 0.001 to 60 seconds, got {text}")
  return seconds


def _transcribe(recognizer: Recognizer, options: argparse.Namespace) -> int:
  done: list[Transcript] = []
  failed = 0
  for path in audio_files(options.paths):
    try:
      transcript = transcribe(recognizer, path, options.chunk)
    except (AudioError, OSError) as error:
      print(f"skipped: {error}", file=sys.stderr)
      failed += 1
      continue
    done.append(transcript)
    print(_json_line(transcript) if options.json else _plain(transcript), flush=True)
  _summarize(done, failed)
  return 1 if failed or not done else 0


def audio_files(paths: Iterable[str | Path]) -> Iterator[Path]:
  """The files as given, and those in folders by their suffix, folders within folders included."""
  for path in map(Path, paths):
    if not path.is_dir():
      yield path
      continue
    inside = sorted(
      p for p in path.rglob("*") if p.suffix.lower() in AUDIO_SUFFIXES and p.is_file()
    )
    if not inside:
      print(f"no audio in {path} (looked for {', '.join(AUDIO_SUFFIXES)})", file=sys.stderr)
    yield from inside


def transcribe(recognizer: Recognizer, path: str | Path, chunk_seconds: float) -> Transcript:
  """Streams one file; raises AudioError if it cannot be read to its end."""
  stream, samples, compute = recognizer.stream(), 0, 0.0
  for chunk in stream_audio(path, recognizer.sample_rate, chunk_seconds):
    begin = time.perf_counter()
    stream.accept(chunk)
    compute += time.perf_counter() - begin
    samples += len(chunk)
  begin = time.perf_counter()
  stream.finish()
  compute += time.perf_counter() - begin
  seconds = samples / recognizer.sample_rate
  return Transcript(str(path), stream.text, stream.words, seconds, compute)


def _json_line(transcript: Transcript) -> str:
  words = [{"text": word.text, "start": word.start} for word in transcript.words]
  return json.dumps(
    {
      "path": transcript.path,
      "text": transcript.text,
      "seconds": round(transcript.seconds, 3),
      "rtf": round(transcript.rtf, 4),
      "words": words,
    },
    ensure_ascii=False,
  )


def _plain(transcript: Transcript) -> str:
  timed = " ".join(f"[{word.start:.2f}] {word.text}" for word in transcript.words)
  return f"{transcript.path}\n  {timed or '(nothing recognized)'}"


def _summarize(done: list[Transcript], failed: int) -> None:
  seconds, compute = sum(t.seconds for t in done), sum(t.compute for t in done)
  rtf = f", {compute:.2f} s on one thread, RTF {compute / seconds:.4f}" if seconds else ""
  skipped = f", {failed} skipped" if failed else ""
  print(f"{len(done)} files, {seconds:.1f} s of audio{rtf}{skipped}", file=sys.stderr)


def _listen(recognizer: Recognizer, chunk_seconds: float) -> int:
  """Shows the words as they come, until Ctrl-C."""
  stream, shown = recognizer.stream(), 0
  with microphone(recognizer.sample_rate, chunk_seconds) as chunks:
    print("listening; Ctrl-C ends", file=sys.stderr)
    try:
      for samples in chunks:
        stream.accept(samples)
        shown = _show(stream.text, shown)
    except KeyboardInterrupt:
      stream.finish()
      _show(stream.text, shown)
  print(flush=True)
  return 0


def _show(text: str, shown: int) -> int:
  """Prints what is new; text only grows."""
  print(text[shown:], end="", flush=True)
  return len(text)


if __name__ == "__main__":
  sys.exit(main())
