"""Audio to text with a device file.

    edge-rnnt-transcribe --model FILE a.wav b.flac folder/ '**/*.ogg' [--json] [--srt] [--threads 4]
    edge-rnnt-transcribe --model FILE --mic
    arecord -t raw -f S16_LE -r 16000 | edge-rnnt-transcribe --model FILE - --rate 16000

Every source is streamed through the recognizer as a microphone would be. A file that cannot be read
is named on stderr and skipped; the exit code is then 1.
"""

import argparse
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

# One thread a file, as on a device, and as RTF is defined; BLAS reads this when NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from edge_rnnt.device import binding
from edge_rnnt.device.container import ContainerError
from edge_rnnt.device.engine import Recognizer
from edge_rnnt.device.microphone import MicrophoneError
from edge_rnnt.device.models import Unready, default_model
from edge_rnnt.device.transcribe.events import Event, recognize
from edge_rnnt.device.transcribe.options import parse
from edge_rnnt.device.transcribe.output import Output
from edge_rnnt.device.transcribe.screen import Screen
from edge_rnnt.device.transcribe.sources import Microphone, Nothing, Source, Stdin, find
from edge_rnnt.device.transcribe.workers import in_order

FAILED, IMPOSSIBLE = 1, 2
INTERRUPTED, PIPE_CLOSED = 128 + signal.SIGINT, 128 + signal.SIGPIPE


def main(arguments: list[str] | None = None) -> int:
  """Returns the exit code: 0, 1 if a file failed, 2 if nothing could be begun."""
  for stream in ("stdout", "stderr"):  # None where the caller has closed it
    if getattr(sys, stream) is None:
      setattr(sys, stream, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
  options = parse(arguments)
  # File names may hold bytes that are no text; readers of JSON undo their escapes.
  encoding = "utf-8" if options.json else None
  sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")
  try:
    return _transcribe(_open(options), options)
  except (ContainerError, MicrophoneError, Unready) as error:
    print(error, file=sys.stderr)
    return IMPOSSIBLE
  except KeyboardInterrupt:
    print("interrupted", file=sys.stderr)
    return INTERRUPTED
  except OSError as error:  # of files it was told
    # Python flushes stdout once more at the end, which must not fail again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
      return PIPE_CLOSED
    print(f"the results cannot be written: {error.strerror or error}", file=sys.stderr)
    return FAILED


def _open(options: argparse.Namespace) -> Recognizer:
  model = options.model or default_model()
  if options.engine == "native" and not binding.available():
    raise Unready(
      "the native engine is not built: install a C++ compiler and edge_rnnt again,"
      " or ask for --engine reference"
    )
  with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always", RuntimeWarning)
    recognizer = Recognizer.open(model, engine=options.engine)
  for warning in caught:
    print(f"warning: {warning.message}", file=sys.stderr)
  return recognizer


def _transcribe(recognizer: Recognizer, options: argparse.Namespace) -> int:
  live = options.mic or options.stdin
  with Screen() as screen, _first_interrupt_ends(live) as interrupted:
    sources, wrong = _sources(options, screen)
    screen.expect(len(sources))
    output = Output(options, screen, live)
    for problem in wrong:
      output.skipped(str(problem))

    def work(source: Source, stopped: Callable[[], bool]) -> Iterator[Event]:
      return recognize(
        recognizer,
        source,
        options.endpointing,
        partial=options.partial or (screen.on_terminal and options.threads == 1),
        # What writes into a pipe gets the Ctrl-C as well: the pipe's end is the end.
        stopped=lambda: stopped() or (options.mic and interrupted()),
      )

    begin = time.perf_counter()
    try:
      for source, event in in_order(work, sources, options.threads):
        output.event(source, event)
    finally:
      output.summary(time.perf_counter() - begin)
  return FAILED if output.failed or not output.done else 0


def _sources(
  options: argparse.Namespace, screen: Screen
) -> tuple[Sequence[Source], Sequence[Nothing]]:
  if options.mic:
    return [Microphone(options.mic_device, screen.remark)], []
  if options.stdin:
    return [Stdin(options.rate, options.format or "s16le", options.channels or 1)], []
  return find(options.paths, options.channel)


@contextmanager
def _first_interrupt_ends(live: bool) -> Iterator[Callable[[], bool]]:
  """Ctrl-C is how live audio ends: its last words are still wanted. A second one interrupts."""
  seen = False

  def end(*_: object) -> None:
    nonlocal seen
    seen = True
    signal.signal(signal.SIGINT, before)

  before = signal.getsignal(signal.SIGINT)
  if live:
    signal.signal(signal.SIGINT, end)
  try:
    yield lambda: seen
  finally:
    signal.signal(signal.SIGINT, before)
