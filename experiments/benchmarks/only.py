"""Which of a benchmark's problems are asked for."""

from collections.abc import Iterable, Sequence

from absl import app


def problems_asked(only: Sequence[str], known: Iterable[str]) -> list[str]:
  """The names in --only, all that are known if it is empty. Raises UsageError for any other."""
  known = list(known)
  unknown = sorted(set(only) - set(known))
  if unknown:
    raise app.UsageError(f"--only names {unknown}; known are {', '.join(known)}")
  return list(only) or known
