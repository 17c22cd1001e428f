"""The command line."""

import argparse
from pathlib import Path

from edge_rnnt.audio.files import RATES
from edge_rnnt.device.transcribe import pcm, subtitles
from edge_rnnt.device.transcribe.endpoint import Endpointing

STDIN = "-"


def parse(arguments: list[str] | None) -> argparse.Namespace:
  """The options, checked against each other; ends the program with a message if they clash."""
  parser = _parser()
  options = parser.parse_args(arguments)
  options.mic_device = options.mic or None
  options.mic = options.mic is not None
  options.stdin = STDIN in options.paths
  written = [name for name in subtitles.FORMATS if getattr(options, name)]
  problems = {
    "name audio files, folders or patterns, or - for stdin, or else --mic": (
      bool(options.paths) == options.mic
    ),
    "- (stdin) is transcribed alone": options.stdin and len(options.paths) > 1,
    "--rate, --format and --channels describe stdin: name - as the only path": (
      not options.stdin and any((options.rate, options.format, options.channels))
    ),
    "--channel picks one of a file's channels": (
      options.channel is not None and (options.stdin or options.mic)
    ),
    "--partial adds lines to those of --json": options.partial and not options.json,
    "--output is the folder of --srt and --vtt: say which": bool(options.output) and not written,
    "subtitles of live audio need a folder: --output": (
      bool(written) and (options.stdin or options.mic) and not options.output
    ),
  }
  for problem, is_there in problems.items():
    if is_there:
      parser.error(problem)
  options.subtitles = written
  try:
    options.endpointing = Endpointing(pause=options.endpoint, longest=options.longest)
  except ValueError as error:
    parser.error(str(error))
  return options


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog="edge-rnnt-transcribe",
    description="Audio to text with a device file: files of any rate and channels, pipes, live.",
    epilog="Exit code: 0; 1 if a file failed; 2 if nothing could be begun; 130 after Ctrl-C.",
  )
  add = parser.add_argument
  add(
    "paths",
    nargs="*",
    metavar="PATH",
    help="audio files, folders of them, patterns ('**/*.wav'), or - for raw samples from stdin",
  )
  add("--model", type=Path, metavar="FILE", help="device file (the one the package ships)")
  add(
    "--engine",
    choices=("native", "reference"),
    help="native code, or the readable NumPy reference (native where it is built)",
  )
  add(
    "--mic",
    nargs="?",
    const="",
    metavar="DEVICE",
    help="listen to a microphone, by number or name, until Ctrl-C",
  )
  add("--threads", type=count, default=1, metavar="N", help="files at once (%(default)s)")

  group = parser.add_argument_group("what is written")
  group.add_argument("--json", action="store_true", help="JSON lines: utterances with words, files")
  group.add_argument("--partial", action="store_true", help="with --json: utterances as they grow")
  for name in subtitles.FORMATS:
    group.add_argument(f"--{name}", action="store_true", help=f".{name} files beside the audio")
  group.add_argument("--output", type=Path, metavar="FOLDER", help="where subtitles go instead")

  group = parser.add_argument_group("where utterances end")
  rule = Endpointing()
  group.add_argument(
    "--endpoint",
    type=seconds,
    default=rule.pause,
    metavar="SECONDS",
    help="without a word-piece end one, 0: never (%(default)s)",
  )
  group.add_argument(
    "--longest",
    type=seconds,
    default=rule.longest,
    metavar="SECONDS",
    help="from then on shorter pauses do, too, and at twice that none is needed (%(default)s)",
  )

  group = parser.add_argument_group("the audio")
  group.add_argument("--channel", type=channel, metavar="N", help="from 0; all are averaged else")
  group.add_argument("--rate", type=rate, metavar="HZ", help="of stdin (the model's)")
  group.add_argument("--format", choices=pcm.FORMATS, help="of stdin (s16le)")
  group.add_argument("--channels", type=count, metavar="N", help="of stdin (1)")
  return parser


# argparse names these when a value is no number at all: "invalid seconds value".


def seconds(text: str) -> float:
  """An hour at most."""
  if not 0 <= float(text) <= 3600:
    raise argparse.ArgumentTypeError(f"expected 0 to 3600 seconds, got {text}")
  return float(text)


def count(text: str) -> int:
  """Of threads, or of channels."""
  if not 1 <= int(text) <= 256:
    raise argparse.ArgumentTypeError(f"expected 1 to 256, got {text}")
  return int(text)


def channel(text: str) -> int:
  """Its number."""
  if int(text) < 0:
    raise argparse.ArgumentTypeError(f"channels are counted from 0, got {text}")
  return int(text)


def rate(text: str) -> int:
  """Hz."""
  lowest, highest = RATES
  if not lowest <= int(text) <= highest:
    raise argparse.ArgumentTypeError(f"expected {lowest} to {highest} Hz, got {text}")
  return int(text)
