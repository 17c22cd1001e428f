"""One model in all runtimes, measured: every runtime in its process, taking turns."""

import dataclasses
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import kaldialign

from edge_rnnt.device.container import Container, read
from edge_rnnt.device.search import Token
from edge_rnnt.export.refusal import NotExportable
from edge_rnnt.text.wordpiece import WordPieces
from experiments.benchmarks import recognizer_delay as delay
from experiments.benchmarks.recognizer_bound import Bound, traffic
from experiments.benchmarks.recognizer_runtimes import BASE, RUNTIMES, Runtime, file_bytes
from experiments.benchmarks.recognizer_subject import Subject
from experiments.benchmarks.recognizer_worker import Heard, Worker, apart

MAY_DIFFER = {"float": 0.0, "hybrid": 0.1, "integer": 0.0}
"""Share of the tokens: LiteRT quantizes activations on the fly with a zero point, ours without."""

ABSENT = (NotExportable, RuntimeError, BrokenProcessPool)
"""Why a runtime takes no part: it can't run the model, isn't installed, or crashed."""

DIGITS = 4


@dataclasses.dataclass
class Taken:
  """A runtime that takes part, or the reading of its weights, and what it heard when."""

  runtime: Runtime
  worker: Worker
  warm: list[Heard]
  differing: float
  resident_mb: float
  bytes: int
  """Of its file; of a reading, all that is read."""
  hot: list[list[Heard]] = dataclasses.field(default_factory=list)
  cold: list[list[Heard]] = dataclasses.field(default_factory=list)


class Measured(NamedTuple):
  """Rows of a model, and the runtimes that were refused for their tokens."""

  rows: list[dict[str, Any]]
  refused: list[str]


def measure(subject: Subject, rounds: int, *, only_sparse: bool = False) -> Measured:
  """Raises RuntimeError without the native engine, which says what the tokens are."""
  asked = [each for each in RUNTIMES if {each.source, each.scheme} <= subject.files.keys()]
  if only_sparse:
    asked = [each for each in asked if each.sparse or each is BASE]
  with ExitStack() as until_done:
    prefix = "recognizer-benchmark-"
    folder = Path(until_done.enter_context(tempfile.TemporaryDirectory(prefix=prefix)))
    taken, refused = _take_part(subject, asked, folder, until_done)
    bounds = _bounds(subject, taken, until_done)
    _take_turns([*taken, *bounds.values()], rounds)
    return Measured(_rows(subject, taken, bounds), refused)


def _take_part(
  subject: Subject, asked: Sequence[Runtime], folder: Path, until_done: ExitStack
) -> tuple[list[Taken], list[str]]:
  """Opens every runtime and lets it hear the audio once; our engine comes first."""
  rate, taken, refused = subject.file.front_end.sample_rate, [], []
  ours: dict[str, list[Heard]] = {}
  exported = apart(_export, asked, subject.files, folder)
  for runtime in asked:
    name = f"{subject.name} in {runtime.name}, {runtime.scheme}"
    own = exported[runtime.name, runtime.scheme]
    try:
      if isinstance(own, Exception):
        raise own
      worker = Worker(runtime.open, own, subject.utterances, rate)
    except ABSENT as error:
      if runtime.sparse:
        raise
      print(f"{name}: not measured: {error}", file=sys.stderr, flush=True)
      continue
    until_done.callback(worker.close)
    warm = worker.hear(1 if runtime.once else len(subject.utterances))
    differing = _differing(warm, ours.setdefault(runtime.scheme, warm), subject.file)
    if differing > MAY_DIFFER[runtime.scheme]:
      worker.close()
      refused.append(f"{name}: refused: {differing:.0%} of its tokens differ from our engine's")
      print(refused[-1], file=sys.stderr, flush=True)
      continue
    found = Taken(runtime, worker, warm, differing, worker.resident_mb(), file_bytes(own))
    taken.append(found)
  return taken, refused


def _export(
  asked: Sequence[Runtime], files: Mapping[str, Path], folder: Path
) -> dict[tuple[str, str], Path | Exception]:
  """The folder of what each runtime runs, or why there is none; runtimes may share one."""
  written: dict[tuple[Any, str], Path | Exception] = {}
  for runtime in asked:
    key = runtime.export, runtime.source
    if key not in written:
      own = folder / str(len(written))
      own.mkdir()
      try:
        runtime.export(read(files[runtime.source]), own)
        written[key] = own
      except ABSENT as error:
        written[key] = error
  return {(each.name, each.scheme): written[each.export, each.source] for each in asked}


def _differing(heard: list[Heard], expected: list[Heard], file: Container) -> float:
  """Edits over tokens; the unknown piece, which some never show, aside."""
  unknown, edits, total = WordPieces(file.wordpieces).unknown_id, 0, 0
  for theirs, ours in zip(heard, expected, strict=False):  # some hear but the first
    said, meant = (
      [label for label, _ in each.tokens if label != unknown] for each in (theirs, ours)
    )
    edits += kaldialign.edit_distance(meant, said)["total"]
    total += len(meant)
  return edits / max(total, 1)


def _bounds(
  subject: Subject, taken: Sequence[Taken], until_done: ExitStack
) -> dict[tuple[str, bool], Taken]:
  """(scheme, whether zeros are left out) -> reading such weights, for all that is measured."""
  bounds: dict[tuple[str, bool], Taken] = {}
  for each in taken:
    key = scheme, _ = _bounded(each.runtime, subject)
    if key not in bounds and not each.runtime.once:
      file = subject.opened[scheme]
      said = [[Token(*pair) for pair in heard.tokens] for heard in each.warm]
      weights = traffic(file, sparse=key[1])
      reading = Bound(weights, file.front_end, said)
      worker = Worker(reading, Path(), subject.utterances, file.front_end.sample_rate)
      until_done.callback(worker.close)
      warm = worker.hear(len(said))
      size = weights.bytes(sum(subject.frames), sum(map(len, said)))
      bounds[key] = Taken(each.runtime, worker, warm, 0.0, 0.0, size)
  return bounds


def _bounded(runtime: Runtime, subject: Subject) -> tuple[str, bool]:
  return runtime.scheme, runtime.sparse or not subject.sparsity


def _take_turns(taken: Sequence[Taken], rounds: int) -> None:
  for number in range(rounds):
    for each in taken:
      if not (each.runtime.once and number):
        each.hot.append(each.worker.hear(len(each.warm)))
        each.cold.append(each.worker.hear(len(each.warm), cold=True))


def _rows(
  subject: Subject, taken: Sequence[Taken], bounds: dict[tuple[str, bool], Taken]
) -> list[dict[str, Any]]:
  file, zeros = subject.file, subject.sparsity
  audio = sum(map(len, subject.utterances)) / file.front_end.sample_rate
  base = next((each for each in taken if each.runtime is BASE), None)
  rows = []
  for each in taken:
    bound = bounds[_bounded(each.runtime, subject)]
    first = [
      delay.first_token(heard, file.front_end, file.architecture.time_reduction)
      for heard in _utterances(each)
    ]
    row = {
      "model": subject.name,
      "weights": subject.weights,
      "runtime": each.runtime.name,
      "scheme": each.runtime.scheme,
      "sparsity": zeros,
      "block": "x".join(map(str, file.block)) if zeros else "",
      "rtf": _rtf(each.hot),
      "ratio_hot": base and _rtf(each.hot) / _rtf(base.hot),
      "ratio_cold": base and _rtf(each.cold) / _rtf(base.cold),
      "ms": 1e3 * _rtf(each.hot) * audio / sum(subject.frames),
      "first_token_ms": _median_ms([seconds for seconds in first if seconds is not None]),
      "last_token_ms": _median_ms([delay.last_token(heard) for heard in _utterances(each)]),
      "resident_mb": each.resident_mb,
      "file_bytes": each.bytes,
      "bytes": round(bound.bytes / audio),
      "bound_rtf": _rtf(bound.hot),
      "other_tokens": each.differing,
    }
    rows.append({name: _rounded(value) for name, value in row.items()})
  return rows


def _rtf(rounds: list[list[Heard]]) -> float:
  return statistics.median(map(delay.rtf, rounds))


def _utterances(taken: Taken) -> list[Heard]:
  return [heard for one in taken.hot for heard in one]


def _median_ms(seconds: list[float]) -> float | None:
  return 1e3 * statistics.median(seconds) if seconds else None


def _rounded(value: Any) -> Any:
  return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
