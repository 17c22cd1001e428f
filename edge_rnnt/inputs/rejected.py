"""What was left out of a data set, and why: counted by reason, each with its path. Nothing is lost
silently.
"""

import collections
import dataclasses
import pathlib
import unicodedata

from edge_rnnt import whole


class ManifestError(ValueError):
  """The list of recordings as a whole cannot be used; the message says what was expected."""


@dataclasses.dataclass(frozen=True)
class Rejected:
  """One utterance that is not used: where it is, why in a few words, and what was found."""

  path: str
  reason: str
  detail: str = ""

  def __str__(self) -> str:
    return f"{self.path}: {self.reason}" + (f" ({self.detail})" if self.detail else "")


@dataclasses.dataclass(frozen=True)
class ManifestReport:
  """How many utterances are used, and every one that is not."""

  accepted: int
  rejected: tuple[Rejected, ...] = ()

  @property
  def counts(self) -> dict[str, int]:
    """Rejections by reason, most frequent first."""
    return dict(collections.Counter(each.reason for each in self.rejected).most_common())

  def __add__(self, other: "ManifestReport") -> "ManifestReport":
    """The report of two sets of utterances, each checked alone."""
    return ManifestReport(self.accepted + other.accepted, self.rejected + other.rejected)

  def then(self, later: "ManifestReport") -> "ManifestReport":
    """The report of two checks in a row: what the later one accepted, and what either rejected."""
    return ManifestReport(later.accepted, self.rejected + later.rejected)

  def __str__(self) -> str:
    if not self.rejected:
      return f"{self.accepted} utterances used, none left out"
    reasons = ", ".join(f"{count} {reason}" for reason, count in self.counts.items())
    return f"{self.accepted} utterances used, {len(self.rejected)} left out: {reasons}"

  def require_some(self, place: pathlib.Path) -> None:
    """Raises ManifestError if nothing of `place` is used; it names the first that are not."""
    if not self.accepted:
      first = "\n  ".join(printable(str(each)) for each in self.rejected[:3])
      raise ManifestError(f"nothing of {place} can be used: {self}; the first:\n  {first}")

  def write(self, path: pathlib.Path) -> None:
    """Writes one line per rejected utterance (path, reason, detail; tab-separated) below the
    summary. What would end a line or cell, or is no text, is escaped.
    """
    lines = [f"# {self}", "path\treason\tdetail"]
    rows = ((each.path, each.reason, each.detail) for each in self.rejected)
    lines += ["\t".join(map(printable, row)) for row in rows]
    whole.write_text(path, "\n".join(lines) + "\n")


def printable(text: str) -> str:
  """A name on one line of UTF-8: control characters and bytes that are no text are escaped."""
  if text.isprintable():  # nearly all are
    return text
  return "".join(
    each if unicodedata.category(each) not in _ESCAPED else ascii(each)[1:-1] for each in text
  )


_ESCAPED = ("Cc", "Cs", "Zl", "Zp")
