"""Scalars on disk: TensorBoard events, and metrics.jsonl with one JSON object a line."""

import json
import logging
import pathlib
from collections.abc import Mapping

import tensorboardX

from edge_rnnt import whole
from edge_rnnt.train import processes

logger = logging.getLogger(__name__)


class MetricsWriter:
  """Writes below a workdir; a context manager.

  `start` is the step that training resumes from: what a killed run wrote beyond it is dropped, so
  every step is there once.
  """

  def __init__(self, workdir: str | pathlib.Path, *, start: int = 0):
    workdir = pathlib.Path(workdir)
    workdir.mkdir(parents=True, exist_ok=True)
    path = workdir / "metrics.jsonl"
    _drop_after(path, start)
    self._lines = path.open("a", encoding="utf-8")
    self._events = tensorboardX.SummaryWriter(str(workdir / "tensorboard"), purge_step=start + 1)

  def __enter__(self) -> "MetricsWriter":
    return self

  def __exit__(self, kind: object, *_: object) -> None:
    try:
      self._lines.close()
      self._events.close()
    except OSError as error:
      if kind is None:
        raise
      # What ended training (a checkpoint that a full disk refused) is what must be told.
      logger.warning("The last metrics could not be written: %s", error)

  def write(self, step: int, scalars: Mapping[str, float | str]) -> None:
    """One line, at once on disk; strings (the stage's name) go to metrics.jsonl only."""
    self._lines.write(json.dumps({"step": step, **scalars}) + "\n")
    self._lines.flush()
    for name, value in scalars.items():
      if not isinstance(value, str):
        self._events.add_scalar(name, value, step)


class _Nowhere(MetricsWriter):
  """For the processes beside the first: their numbers are its own."""

  def __init__(self) -> None:
    pass

  def __exit__(self, *_: object) -> None:
    pass

  def write(self, step: int, scalars: Mapping[str, float | str]) -> None:
    pass


def writer(workdir: str | pathlib.Path, *, start: int = 0) -> MetricsWriter:
  """The MetricsWriter of a run, which writes in its first process only."""
  return MetricsWriter(workdir, start=start) if processes.is_first() else _Nowhere()


def _drop_after(path: pathlib.Path, start: int) -> None:
  if not path.exists():
    return
  kept = []
  for line in path.read_text(encoding="utf-8").splitlines():
    try:
      record = json.loads(line)
    except json.JSONDecodeError:  # a kill cut the last line short
      continue
    if record["step"] <= start:
      kept.append(line + "\n")
  whole.write_text(path, "".join(kept))
