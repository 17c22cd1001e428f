r"""The same model in every runtime, on the same audio: what each hears, and where it parts.

  python -m edge_rnnt.export.verify RUN_DIR_OR_MODEL.edge [AUDIO ...]
  python -m edge_rnnt.export.verify RUN_DIR --require native litert sherpa-onnx      (in CI)
  python -m edge_rnnt.export.verify RUN_DIR --chunk 0.02 0.1 0.37 0 --traced 8 --json > rows.json

Of every device file (those of RUN_DIR/models, or the one named): the NumPy reference whole, which
all others are compared with, and chunk by chunk; JAX offline and chunk by chunk, from the state of
the run that a float file was frozen from, so that freezing is compared, too; the native engine;
LiteRT; sherpa-onnx. AUDIO is any number of files, folders or lists; RUN_DIR/samples if there is
none. A row says a runtime's word error rate where texts are known, in how many utterances its
tokens are others than the reference's (at any of the --chunk sizes), the first tensor of the
computation that differs in any of the --traced utterances by more than rounding does, with its
error, and what was compared.

The exit code is 1 if tokens differ where they must not, a float tensor by more than rounding does,
or one of integers at all; 2 if a runtime that is required (the native engine, unless --require says
otherwise) was compared with nothing: the rest alone is no proof of what ships.

A program, not a room: it runs device files, which export/ itself only writes.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import rich.console
from absl import logging

from edge_rnnt.device.container import Container, ContainerError, read
from edge_rnnt.device.search import MAX_SYMBOLS
from edge_rnnt.export.verify.comparison import Comparison
from edge_rnnt.export.verify.rows import Row, table
from edge_rnnt.export.verify.runtimes import NAMES
from edge_rnnt.export.verify.spoken import find

TABLE_WIDTH = 110  # in a file, and where a terminal is narrower


def main(arguments: list[str] | None = None) -> int:
  """Returns the exit code: 0; 1 where what must be equal differs; 2 if there was nothing to
  compare, or a required runtime took no part.
  """
  options = _parser().parse_args(arguments)
  logging.set_verbosity(logging.ERROR)  # the checkpoint library tells of what is left unread
  rows: list[Row] = []
  try:
    for file in [read(path) for path in _models(options.model)]:
      rows += _verify(file, options)
  except (ContainerError, ValueError) as error:
    print(error, file=sys.stderr)
    return 2
  if options.json:
    print(json.dumps([row.to_json() for row in rows], indent=1))
  unproven = _unproven(rows, options.require)
  for line in unproven:
    print(line, file=sys.stderr)
  return 1 if not all(row.agrees for row in rows) else 2 if unproven else 0


def _models(path: Path) -> list[Path]:
  if path.suffix == ".edge":
    return [path]
  found = sorted((path / "models").glob("*.edge"))
  if not found:
    raise ValueError(f"{path}: neither a device file nor a run with device files in models/")
  return found


def _verify(file: Container, options: argparse.Namespace) -> list[Row]:
  """One device file's rows, shown as a table unless they go to a program."""
  rate = file.front_end.sample_rate
  spoken = find(options.audio, options.model, rate)
  chunks = [round(seconds * rate) for seconds in options.chunk]
  rows = list(Comparison(file, spoken, chunks, options.traced, options.max_symbols).rows())
  if not options.json:
    console = rich.console.Console(width=max(rich.console.Console().width, TABLE_WIDTH))
    head = f"\n{file.path}: {file.scheme}, {len(spoken)} utterances"
    console.print(head, highlight=False, soft_wrap=True, markup=False)
    console.print(table(rows), crop=False)
    for row in rows:
      if row.not_run is not None:
        line = f"{row.runtime} was not run: {row.not_run}"
        console.print(line, highlight=False, soft_wrap=True, markup=False)
  return rows


def _unproven(rows: Sequence[Row], required: Sequence[str]) -> list[str]:
  """A line for each required runtime that ran no file, with the reason."""
  lines = []
  for name in required:
    tried = [row for row in rows if row.runtime == name]
    if all(row.not_run is not None for row in tried):
      reasons = {row.not_run: None for row in tried} or {"there is no float file": None}
      lines.append(f"{name} was compared with nothing: {'; '.join(reasons)}")
  return lines


def _seconds(text: str) -> float:
  seconds = float(text)
  if not 0 <= seconds < 3600:
    raise ValueError
  return seconds


def _count(text: str) -> int:
  if int(text) < 1:
    raise ValueError
  return int(text)


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog="python -m edge_rnnt.export.verify", description="A model in every runtime, compared."
  )
  parser.add_argument("model", type=Path, metavar="RUN_DIR_OR_MODEL.edge")
  parser.add_argument("audio", nargs="*", metavar="AUDIO", help="files, folders or lists of them")
  parser.add_argument(
    "--chunk", type=_seconds, nargs="+", default=[0.1], metavar="SECONDS",
    help="of audio that come at a time, 0 for all at once; several are tried in turn (0.1)",
  )  # fmt: skip
  parser.add_argument(
    "--traced", type=_count, default=2, metavar="N",
    help="utterances whose tensors are compared; first those with other tokens (%(default)s)",
  )  # fmt: skip
  parser.add_argument(
    "--require", nargs="*", choices=NAMES, default=["native"], metavar="RUNTIME",
    help=f"exit code 2 if one of these took no part: {', '.join(NAMES)} (native)",
  )  # fmt: skip
  parser.add_argument("--json", action="store_true", help="rows on stdout, in place of the table")
  parser.add_argument(
    "--max_symbols", type=_count, default=MAX_SYMBOLS,
    help="tokens a frame may emit (%(default)s; sherpa-onnx: always 10)",
  )  # fmt: skip
  return parser


if __name__ == "__main__":
  sys.exit(main())
