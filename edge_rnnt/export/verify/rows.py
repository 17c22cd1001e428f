"""What a comparison says of a runtime: a row for a person, or for a program."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import rich.table

from edge_rnnt.export.verify.differences import Difference, Verdict


class Other(NamedTuple):
  """An utterance whose tokens are others than the reference's."""

  utterance: str
  chunks: tuple[float, ...]
  """Seconds that came at a time where they are; 0: the whole utterance."""


class Row(NamedTuple):
  """A device file in a runtime."""

  model: str
  scheme: str
  runtime: str
  not_run: str | None = None
  """Why it took no part; nothing else is known then."""
  wer: float | None = None
  """Percent, of the utterances whose text is known; None if none is."""
  utterances: int = 0
  others: tuple[Other, ...] = ()
  traced: tuple[str, ...] = ()
  """Utterances of which tensors were compared."""
  tensors: Verdict | None = None
  """None where a runtime shows tokens only."""
  agrees: bool = True
  """Whether all is equal that must be."""

  def to_json(self) -> dict[str, Any]:
    """Flat but for the differences; numbers that are none as text."""
    verdict = self.tensors or Verdict((), (), None, None)
    return {
      **{name: getattr(self, name) for name in ("model", "scheme", "runtime", "not_run")},
      **{name: getattr(self, name) for name in ("agrees", "wer", "utterances")},
      "other_tokens": [each._asdict() for each in self.others],
      "traced": self.traced,
      "compared": verdict.compared,
      "not_compared": verdict.missing,
      "first_tensor": _to_json(verdict.first),
      "worst_tensor": _to_json(verdict.worst),
    }


def table(rows: Sequence[Row]) -> rich.table.Table:
  """The rows of one device file."""
  made = rich.table.Table(box=None, pad_edge=False)
  made.add_column("runtime", no_wrap=True)
  made.add_column("WER %", justify="right", no_wrap=True)
  made.add_column("other tokens", no_wrap=True)
  made.add_column("first tensor that differs", overflow="fold")
  made.add_column("compared", overflow="fold")
  for row in rows:
    made.add_row(*(rich.markup.escape(cell) for cell in _cells(row)))
  return made


def _cells(row: Row) -> tuple[str, str, str, str, str]:
  if row.not_run is not None:
    return row.runtime, "", "", "not run", "nothing"
  wer = "unknown" if row.wer is None else f"{row.wer:.2f}"
  if row.runtime == "reference":
    return row.runtime, wer, "", "", ""
  others = f"{len(row.others) or 'none'} of {row.utterances}"
  return row.runtime, wer, others, _first(row.tensors), _compared(row)


def _first(verdict: Verdict | None) -> str:
  if verdict is None or verdict.worst is None:
    return ""
  if verdict.first is None:
    return f"none; {verdict.worst}"
  return f"{verdict.first} in {verdict.first.utterance}"


def _compared(row: Row) -> str:
  verdict = row.tensors
  if verdict is None or not row.traced:
    return "tokens"
  names, without = _short(verdict.compared), _short(verdict.missing)
  what = f"tokens, {names} of {len(row.traced)}"
  return what + (f"; not {without}" if without else "")


def _short(names: Sequence[str]) -> str:
  """layer_0, layer_1, layer_2 of a part are one word."""
  layers = [name for name in names if "/layer_" in name]
  if len(layers) > 1:
    one = f"{layers[0]}..{layers[-1].rpartition('_')[2]}"
    names = [one if name == layers[0] else name for name in names if name not in layers[1:]]
  return ", ".join(names)


def _to_json(difference: Difference | None) -> dict[str, Any] | None:
  if difference is None:
    return None
  error = difference.error
  return {
    "name": difference.name,
    "utterance": difference.utterance,
    "row": difference.row,
    "error": error if math.isfinite(error) else str(error),
    "rms": difference.rms,
    **({"shapes": difference.shapes} if difference.shapes else {}),
  }
