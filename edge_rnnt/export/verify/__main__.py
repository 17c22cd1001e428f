r"""The same model in every runtime, on the same audio: what each hears, and where it parts.

  python -m edge_rnnt.export.verify RUN_DIR_OR_MODEL.edge [AUDIO ...]

Of every device file (those of RUN_DIR/models, or the one named): JAX offline and chunk by chunk
(float), the NumPy reference whole and chunk by chunk, the native engine, LiteRT, sherpa-onnx. AUDIO
is any number of files, folders or lists; RUN_DIR/samples if there is none. The table says each
one's word error rate where texts are known, in how many utterances its tokens are others than the
reference's, and the first tensor of such an utterance (else of the first one) that differs by
more than rounding does, with its error. The exit code is 1 if tokens differ where they must not, or
a tensor of integers differs at all; 2 if the native engine is not built: the rest alone is no proof
of what ships.

A program, not a room: it runs device files, which export/ itself only writes.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge_rnnt.device import binding
from edge_rnnt.device.container import Container, ContainerError, read
from edge_rnnt.device.search import MAX_SYMBOLS
from edge_rnnt.export.verify import runtimes, traces
from edge_rnnt.export.verify.runtimes import NOTHING
from edge_rnnt.export.verify.spoken import Spoken, find
from edge_rnnt.text.wer import error_rate
from edge_rnnt.text.wordpiece import WordPieces

CHUNK_SECONDS = 0.1


def main(arguments: list[str] | None = None) -> int:
  """Returns the exit code: 0; 1 if tokens differ where they must not, or integers at all; 2 if
  there was nothing to compare, or no native engine to compare with.
  """
  options = _parser().parse_args(arguments)
  try:
    files = [read(path) for path in _models(options.model)]
    same = [_verify(file, options) for file in files]
  except (ContainerError, ValueError) as error:
    print(error, file=sys.stderr)
    return 2
  if not all(same):
    return 1
  if not binding.available():
    print(
      "The native engine was compared with nothing: it is not built. Install a C++ compiler and "
      "edge_rnnt again.",
      file=sys.stderr,
    )
    return 2
  return 0


def _models(path: Path) -> list[Path]:
  if path.suffix == ".edge":
    return [path]
  found = sorted((path / "models").glob("*.edge"))
  if not found:
    raise ValueError(f"{path}: neither a device file nor a run with device files in models/")
  return found


def _verify(file: Container, options: argparse.Namespace) -> bool:
  """Prints one device file's table; whether all is equal that must be."""
  spoken = find(options.audio, options.model, file.front_end.sample_rate)
  chunk = round(CHUNK_SECONDS * file.front_end.sample_rate)
  comparison = Comparison(file, spoken, options.max_symbols)
  rows = [("runtime", "WER %", "other tokens", "first tensor that differs")]
  rows.append(("reference", comparison.wer(comparison.tokens), "", ""))
  same = True
  for runtime in [comparison.in_chunks(chunk), *runtimes.others(file, chunk, options.max_symbols)]:
    if isinstance(runtime, runtimes.Absent):
      rows.append((runtime.name, "", "", f"not run: {runtime.reason}"))
      continue
    row, agrees = comparison.with_runtime(runtime)
    rows.append(row)
    same &= agrees
  print(f"\n{file.path}: {file.scheme}, {len(spoken)} utterances")
  widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
  for row in rows:
    print("  ".join(map(str.ljust, row, widths)).rstrip(), flush=True)
  return same


class Comparison:
  """The reference's view of some utterances."""

  def __init__(self, file: Container, spoken: Sequence[Spoken], max_symbols: int) -> None:
    self.reference = runtimes.reference(file, max_symbols)
    self._spoken, self._pieces = spoken, WordPieces(file.wordpieces)
    self._streams = []
    for each in spoken:
      stream = self.reference.stream()
      stream.accept(each.samples)
      stream.finish()
      self._streams.append(stream)
    self.tokens = [[token.id for token in stream.tokens] for stream in self._streams]

  def in_chunks(self, chunk: int) -> runtimes.Runtime:
    """The reference itself, fed chunk by chunk."""

    def hear(samples: np.ndarray) -> list[int]:
      return runtimes.streamed(self.reference, chunk, samples)

    name = f"reference, {CHUNK_SECONDS} s a chunk"
    return runtimes.Runtime(name, hear, None, NOTHING, True)

  def with_runtime(self, runtime: runtimes.Runtime) -> tuple[tuple[str, str, str, str], bool]:
    """A row of the table; whether all is equal that must be: tokens, and integers to the bit."""
    heard = [runtime.hear(each.samples) for each in self._spoken]
    others = self.others(heard)
    told, differs = self.parting(runtime, others)
    count = f"{len(others) or 'none'} of {len(self._spoken)}"
    agrees = not (others and runtime.equal) and not (differs and runtime.tolerance == NOTHING)
    return (runtime.name, self.wer(heard), count, told), agrees

  def wer(self, heard: Sequence[Sequence[int]]) -> str:
    """Of the utterances whose text is known."""
    known = [(each.text, heard[at]) for at, each in enumerate(self._spoken) if each.text]
    if not known:
      return "unknown"
    texts, tokens = zip(*known, strict=True)
    return f"{100 * error_rate(texts, [self._pieces.decode(each) for each in tokens]).wer:.2f}"

  def others(self, heard: Sequence[Sequence[int]]) -> list[int]:
    """Which utterances have other tokens; the unknown piece, which some never show, aside."""
    unknown = self._pieces.unknown_id

    def shown(tokens: Sequence[int]) -> list[int]:
      return [token for token in tokens if token != unknown]

    pairs = enumerate(zip(heard, self.tokens, strict=True))
    return [at for at, (theirs, ours) in pairs if shown(theirs) != shown(ours)]

  def parting(self, runtime: runtimes.Runtime, others: Sequence[int]) -> tuple[str, bool]:
    """Where a runtime's numbers part from the reference's, and whether they do."""
    if runtime.trace is None:
      return "", False
    at = others[0] if others else 0
    each, stream = self._spoken[at], self._streams[at]
    shown = traces.utterance(self.reference, each.samples, stream.tokens)
    expected = traces.reference(self.reference.network, shown)
    found = runtime.trace(each.samples, shown)
    first, worst = traces.compare(expected, found, runtime.tolerance)
    return (f"{first} in {each.name}", True) if first else (f"none; {worst}", False)


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog="python -m edge_rnnt.export.verify", description="A model in every runtime, compared."
  )
  parser.add_argument("model", type=Path, metavar="RUN_DIR_OR_MODEL.edge")
  parser.add_argument("audio", nargs="*", metavar="AUDIO", help="files, folders or lists of them")
  parser.add_argument(
    "--max_symbols", type=int, default=MAX_SYMBOLS,
    help="tokens a frame may emit (%(default)s; sherpa-onnx: always 10)",
  )  # fmt: skip
  return parser


if __name__ == "__main__":
  sys.exit(main())
