"""One device file in every runtime, beside the reference that hears whole utterances."""

from collections.abc import Collection, Iterator, Sequence

from edge_rnnt.device.container import Container
from edge_rnnt.export.verify import runtimes, traces
from edge_rnnt.export.verify.differences import judge
from edge_rnnt.export.verify.rows import Other, Row
from edge_rnnt.export.verify.runtimes import FLIPS, Absent, Runtime
from edge_rnnt.export.verify.spoken import Spoken
from edge_rnnt.text.wer import error_rate
from edge_rnnt.text.wordpiece import WordPieces


class Comparison:
  """The reference's view of some utterances, and what others make of them."""

  def __init__(
    self,
    file: Container,
    spoken: Sequence[Spoken],
    chunks: Sequence[int],
    traced: int,
    symbols: int,
  ) -> None:
    """chunks: numbers of samples that streaming runtimes hear at a time, one after the other (0:
    all at once); traced: utterances of which tensors are compared; symbols: tokens a frame may
    emit.
    """
    self.file, self._spoken, self._chunks, self._traced = file, spoken, chunks, traced
    self._pieces, self._symbols = WordPieces(file.wordpieces), symbols
    self._reference = runtimes.reference(file, symbols)
    self._streams = []
    for each in spoken:
      stream = self._reference.stream()
      stream.accept(each.samples)
      stream.finish()
      self._streams.append(stream)
    self._tokens = [[token.id for token in stream.tokens] for stream in self._streams]
    self._traces: dict[int, tuple[traces.Utterance, traces.Trace]] = {}

  def rows(self) -> Iterator[Row]:
    """The reference's row, and one for every other runtime."""
    wer, count = self._wer(self._tokens), len(self._spoken)
    yield self._blank("reference")._replace(wer=wer, utterances=count)
    for runtime in runtimes.others(self.file, self._symbols):
      yield self.row(runtime)

  def row(self, runtime: Runtime | Absent) -> Row:
    """What a runtime hears and computes, beside the reference."""
    row = self._blank(runtime.name)
    if isinstance(runtime, Absent):
      return row._replace(not_run=runtime.reason)
    others: dict[int, list[float]] = {}
    heard = {}
    for chunk in self._chunks if runtime.streams else (0,):
      heard[chunk] = [runtime.hear(each.samples, chunk) for each in self._spoken]
      for at in self._others(heard[chunk]):
        others.setdefault(at, []).append(chunk / self.file.front_end.sample_rate)
    row = row._replace(
      wer=self._wer(next(iter(heard.values()))),
      utterances=len(self._spoken),
      others=tuple(
        Other(self._spoken[at].name, tuple(chunks)) for at, chunks in sorted(others.items())
      ),
      agrees=not (others and runtime.equal),
    )
    return self._with_tensors(row, runtime, others) if runtime.trace else row

  def _blank(self, runtime: str) -> Row:
    return Row(str(self.file.path), self.file.scheme, runtime)

  def _wer(self, heard: Sequence[Sequence[int]]) -> float | None:
    """Of the utterances whose text is known."""
    known = [(each.text, heard[at]) for at, each in enumerate(self._spoken) if each.text]
    if not known:
      return None
    texts, tokens = zip(*known, strict=True)
    return 100 * error_rate(texts, [self._pieces.decode(each) for each in tokens]).wer

  def _others(self, heard: Sequence[Sequence[int]]) -> list[int]:
    """Which utterances have other tokens; the unknown piece, which some never show, aside."""
    unknown = self._pieces.unknown_id

    def shown(tokens: Sequence[int]) -> list[int]:
      return [token for token in tokens if token != unknown]

    pairs = enumerate(zip(heard, self._tokens, strict=True))
    return [at for at, (theirs, ours) in pairs if shown(theirs) != shown(ours)]

  def _with_tensors(self, row: Row, runtime: Runtime, others: Collection[int]) -> Row:
    """Of the utterances whose tokens are others first."""
    order = sorted(range(len(self._spoken)), key=lambda at: at not in others)
    traced = []
    for at in order[: self._traced]:
      each, (shown, expected) = self._spoken[at], self._trace(at)
      traced.append((each.name, expected, runtime.trace(each.samples, shown)))
    verdict = judge(traced, runtime.tolerance)
    return row._replace(
      traced=tuple(name for name, _, _ in traced),
      tensors=verdict,
      agrees=row.agrees and (verdict.first is None or runtime.tolerance == FLIPS),
    )

  def _trace(self, at: int) -> tuple[traces.Utterance, traces.Trace]:
    if at not in self._traces:
      samples, tokens = self._spoken[at].samples, self._streams[at].tokens
      shown = traces.utterance(self._reference, samples, tokens)
      self._traces[at] = shown, traces.reference(self._reference.network, shown)
    return self._traces[at]
