"""What an experiment measured. results.json is the one source of every table, plot and page.

  {"data": {...}, "command": "...", "versions": {...}, "rows": [{...}], ..., "fields": {...}}

One row is one model on one test set; the set named POOLED is all test sets together. "fields" tells
the meaning and unit of each field of a row, so that the file explains itself.
"""

import dataclasses
import json
import math
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from edge_rnnt.report.schema import ResultsError, docs, documented, read
from edge_rnnt.text.wer import NORMALIZER, ErrorRate

POOLED = "all"
SCHEMES = ("float", "hybrid", "integer")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fidelity:
  """How near a device file is to what it was made from, on the dev sets."""

  dev_wer: float = documented("WER of the device file on the dev sets in percent")
  against_float: float | None = documented(
    "share of dev utterances heard otherwise than by the float file of these weights; null: none"
  )
  against_model: float = documented("share heard otherwise than by the JAX model in these numbers")
  sqnr: Mapping[str, float] = documented(
    "tensor -> signal to quantization noise in dB, the engine against that model",
    hash=False,  # rows are keys
  )
  sqnr_float: Mapping[str, float] | None = documented(
    "the same against the JAX model of these weights in float; null: not measured",
    hash=False,
    default=None,
  )

  @property
  def noisiest(self) -> tuple[str, float] | None:
    """The tensor that is least like float, and its SQNR in dB; None if that is not known."""
    known = self.sqnr_float
    return min(known.items(), key=lambda each: each[1]) if known else None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
  """One model on one test set. Raises ResultsError if the numbers contradict each other."""

  name: str = documented("the model, one name for all its rows")
  cell: str = documented("recurrent cell: lstm, cifg, sru, or encoder+decoder")
  scheme: str = documented("numbers in the device file: float, hybrid or integer")
  sparsity: float = documented("share of zeros among the prunable weights, 0 to 1")
  params: int = documented("parameters of the model before pruning")
  nonzero: int = documented("parameters left after pruning")
  bytes: int = documented("size of the device file in bytes")
  set: str = documented(f"test set; '{POOLED}' is all of them together")
  wer: float = documented("word error rate in percent: 100 x word errors / reference words, pooled")
  wer_low: float = documented("lower end of its 95 % bootstrap interval over utterances, percent")
  wer_high: float = documented("upper end of that interval, percent")
  words: int = documented("reference words in the set, once for all seeds")
  rtf: float | None = documented("processing time / audio time, one thread; null: not measured")
  device_file: str = documented("the file that the device loads, relative to this file")
  hypotheses: str = documented("TSV of id, reference, hypothesis, relative to this file")
  weights: str = documented(
    "the trained weights, GROUP/STATE or STATE: models of equal weights differ in scheme alone",
    default="",
  )
  seeds: int = documented("runs of other seeds that are pooled here; ids are SEED/ID", default=1)
  runs: tuple[int, ...] = documented("the seeds of these runs; empty: not known", default=())
  dev_wer: float | None = documented(
    "WER in percent on the dev sets when these weights were kept, float; null: not known",
    default=None,
  )
  blocks_back: float | None = documented(
    "share of all blocks ever pruned that were back then; null: not known", default=None
  )
  fidelity: Fidelity | None = dataclasses.field(
    default=None, metadata={"doc": "the device file on dev speech; null: not measured"}
  )

  def __post_init__(self) -> None:
    tiny = 1e-9  # rates are sums of products; the ends of an interval of no width may round apart
    _require(self, bool(self.name.strip()), "name", "not empty")
    _require(self, bool(self.set.strip()), "set", "not empty")
    _require(self, self.scheme in SCHEMES, "scheme", f"one of {', '.join(SCHEMES)}")
    _require(self, 0 <= self.sparsity < 1, "sparsity", "a share from 0 up to, not including, 1")
    _require(self, self.params > 0, "params", "above 0")
    _require(self, 0 < self.nonzero <= self.params, "nonzero", "above 0 and not above params")
    _require(self, self.bytes > 0, "bytes", "above 0")
    _require(self, self.words > 0, "words", "above 0")
    _require(self, self.seeds > 0, "seeds", "above 0")
    known = len(set(self.runs)) == self.seeds
    _require(self, known or not self.runs, "runs", f"as many seeds as runs ({self.seeds}), or none")
    _require(self, 0 <= self.wer < math.inf, "wer", "a percentage, 0 or more")
    _require(self, 0 <= self.wer_low <= self.wer + tiny, "wer_low", f"0 to wer ({self.wer})")
    high = self.wer - tiny <= self.wer_high < math.inf
    _require(self, high, "wer_high", f"at least wer ({self.wer})")
    _require(self, self.rtf is None or 0 < self.rtf < math.inf, "rtf", "above 0, or None")
    for field in ("device_file", "hypotheses"):
      path = pathlib.PurePosixPath(getattr(self, field))
      inside = path.name and not path.is_absolute() and ".." not in path.parts
      _require(self, bool(inside), field, "a path inside the folder of results.json")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Portion:
  """How much speech one split of one set holds."""

  set: str
  split: str  # train, dev or test
  utterances: int
  hours: float
  speakers: int | None = None  # None: not known


@dataclasses.dataclass(frozen=True, kw_only=True)
class Data:
  """The speech that was used, in words a reader of the page needs to judge the numbers by."""

  name: str = documented("short name, such as: spoken digits")
  description: str = documented("plain sentences: what is said, by whom, recorded how")
  synthetic: bool = documented("whether the test speech was made by a synthesizer")
  synthetic_train_share: float = documented("share of the training speech so made", default=0.0)
  unseen_speakers: bool | None = documented(
    "no test speaker was trained on; null: not known", default=None
  )
  licences: tuple[str, ...] = ()
  portions: tuple[Portion, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Curve:
  """One quantity by training step, for the training chart; equal names would be drawn alike."""

  name: str
  unit: str  # as printed: "%" for percent (values 0 to 100), "" for a plain number
  steps: tuple[int, ...]
  values: tuple[float, ...]

  def __post_init__(self) -> None:
    if len(self.steps) != len(self.values) or not self.steps:
      raise ResultsError(
        f"curve '{self.name}' needs one value for each step: {len(self.steps)} steps, "
        f"{len(self.values)} values"
      )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Results:
  """All that one run measured, and what it takes to believe and repeat it."""

  data: Data
  command: str
  versions: Mapping[str, str]
  rows: tuple[Row, ...]
  title: str = "A streaming recognizer, pruned and quantized"
  notes: tuple[str, ...] = ()  # plain sentences for the page
  seconds: Mapping[str, float] = dataclasses.field(default_factory=dict)  # wall time by part
  commit: str = ""  # of the program; a + where its files differed; "": not known
  machine: str = ""  # that trained, and that RTF was measured on
  chunk_seconds: float | None = None  # audio fed at a time when RTF was measured
  engine: str = ""  # that RTF was measured in: native or reference (NumPy)
  normalizer: str = NORMALIZER  # of the texts before words are compared
  recovery: float | None = None  # share of all blocks ever pruned that came back, 0 to 1
  charts: tuple[Curve, ...] = ()
  against: str = ""  # the GROUP of weights that those of the same STATE are compared with
  next_commands: Mapping[str, str] = dataclasses.field(default_factory=dict)  # what for -> command
  sample: str = "recording.wav"  # a recording to try a model on, relative to results.json

  def __post_init__(self) -> None:
    if not self.rows:
      raise ResultsError("results need at least one row")
    keys = [(row.name, row.set) for row in self.rows]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
      raise ResultsError(f"each model has one row for each set; more than one for {twice[0]}")
    lacking = {name for name, _ in keys} - {row.name for row in self.main_rows}
    if lacking:
      raise ResultsError(
        f"{', '.join(sorted(lacking))} has no row for all test sets together (set '{POOLED}'), "
        "which the main table is made of"
      )

  @property
  def main_rows(self) -> tuple[Row, ...]:
    """Each model's row over all test sets: those of POOLED, or of the only set there is."""
    sets = {row.set for row in self.rows}
    main = sets.pop() if len(sets) == 1 else POOLED
    return tuple(row for row in self.rows if row.set == main)

  @property
  def set_rows(self) -> tuple[Row, ...]:
    """The rows over single sets; none when there is only one."""
    return tuple(row for row in self.rows if row not in self.main_rows)

  @property
  def dense_float(self) -> Row | None:
    """What the others are measured against: the first dense float model, if there is one."""
    dense = (row for row in self.main_rows if row.scheme == "float" and row.sparsity == 0)
    return next(dense, None)


def scores(rate: ErrorRate) -> dict[str, Any]:
  """The fields of a Row that an ErrorRate (shares) fills, in percent: Row(**scores(rate), ...)."""
  return {
    "wer": 100 * rate.wer,
    "wer_low": 100 * rate.low,
    "wer_high": 100 * rate.high,
    "words": rate.words,
  }


def save(results: Results, path: str | os.PathLike) -> None:
  """Writes results.json whole or not at all: a killed run leaves the old file."""
  content = dataclasses.asdict(results) | {"fields": docs(Row)}
  text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
  path = pathlib.Path(path)
  unfinished = path.with_name(f".{path.name}.{os.getpid()}")
  unfinished.write_text(text + "\n", encoding="utf-8")
  os.replace(unfinished, path)


def load(path: str | os.PathLike) -> Results:
  """Reads results.json. Raises ResultsError, naming file and field, if it cannot be right."""
  path = pathlib.Path(path)
  try:
    content = json.loads(path.read_text(encoding="utf-8"))
  except FileNotFoundError:
    raise ResultsError(
      f"no results at {path}; an experiment writes them into its workdir"
    ) from None
  except ValueError as error:  # covers text that is no UTF-8 as well
    raise ResultsError(f"{path} is not JSON, or was cut short: {error}") from error
  if isinstance(content, dict):
    content.pop("fields", None)
  return read(Results, content, str(path))


def _require(row: Row, holds: bool, field: str, expected: str) -> None:
  if not holds:
    raise ResultsError(
      f"row '{row.name}' ({row.set}): {field} must be {expected}; got {getattr(row, field)!r}"
    )
