"""SIGTERM (preemption) and Ctrl-C end training after the update under way, with its state saved."""

import collections
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TypeVar

import jax

from edge_rnnt.train import processes

LAG = 2
"""Updates between asking the other processes and reading what they said: nobody waits for it."""

AT_ONCE = "Stopped. What was finished is kept, and the same command goes on from there."

Result = TypeVar("Result")


class Stopped(SystemExit):
  """Training was told to stop and has saved its state; uncaught, it ends the program.

  The exit code is the shell's for a signal, 128 + its number: no success, so schedulers restart.
  """

  def __init__(self, signum: int, message: str):
    super().__init__(128 + signum)
    self.message = message

  def __str__(self) -> str:
    return self.message


class StopSignals:
  """A context manager that notes SIGTERM and SIGINT instead of dying of them.

  A second Ctrl-C interrupts at once, as ever.
  """

  def __init__(self) -> None:
    self._heard: int | None = None
    self._may_leave = False
    self._previous: dict[int, object] = {}

  def __enter__(self) -> "StopSignals":
    if threading.current_thread() is threading.main_thread():  # Python's rule for handlers
      for signum in (signal.SIGTERM, signal.SIGINT):
        self._previous[signum] = signal.signal(signum, self._note)
    return self

  def __exit__(self, kind: object, *_: object) -> None:
    for signum, handler in self._previous.items():
      signal.signal(signum, handler)
    if self._heard is not None and kind is None:
      signal.raise_signal(self._heard)  # it came too late for anyone to heed it

  @property
  def signum(self) -> int | None:
    """The signal that is to be heeded now: the first that came."""
    return self._heard

  def agree(self, step: int) -> None:
    """Update number `step` is done: call it after every one."""

  def run_unless_stopped(self, function: Callable[[], Result]) -> Result | None:
    """function(), or None if a signal came before or cut it short: for what changes no state."""
    try:
      try:
        self._may_leave = True
        return function() if self.signum is None else None
      finally:
        self._may_leave = False
    except _Leave:
      return None

  def _note(self, signum: int, frame: FrameType | None) -> None:
    del frame
    if self._heard is not None and signum == signal.SIGINT:
      raise KeyboardInterrupt
    self._heard = self._heard or signum
    if self._may_leave:
      self._may_leave = False
      raise _Leave


class AgreedStop(StopSignals):
  """The same for one of several processes, which must all stop after the same update.

  Whatever one of them has heard by an update, all heed LAG updates later, or before they begin
  something long together. That is not cut short.

  JAX has a service for this (reached_preemption_sync_point), which agrees on the number of an
  update to come; but orbax asks it too, from a thread of its own and for the number of a past save,
  and before a resumed run's first update it agrees on 1, which is past.
  """

  def __init__(self) -> None:
    super().__init__()
    self._asked: collections.deque[jax.Array] = collections.deque()
    self._agreed: int | None = None

  @property
  def signum(self) -> int | None:
    """The signal that all processes heed after this update."""
    return self._agreed

  def agree(self, step: int) -> None:
    self._asked.append(processes.largest(self._heard or 0))
    if len(self._asked) > LAG and self._agreed is None:
      self._agreed = int(self._asked.popleft()) or None

  def run_unless_stopped(self, function: Callable[[], Result]) -> Result | None:
    """function(), or None if one of the processes has heard a signal before: they wait to know."""
    self._agreed = self._agreed or int(processes.largest(self._heard or 0)) or None
    return function() if self._agreed is None else None


def stop_signals() -> StopSignals:
  """Those of a process that trains alone, or of one of several."""
  return StopSignals() if jax.process_count() == 1 else AgreedStop()


@contextlib.contextmanager
def ends_at_once() -> Iterator[None]:
  """SIGTERM ends the block with Stopped, told in a line: for what only writes whole files."""

  def leave(signum: int, frame: FrameType | None) -> None:
    os.write(2, f"{AT_ONCE}\n".encode())  # print may be what was interrupted
    raise Stopped(signum, AT_ONCE)

  previous = signal.signal(signal.SIGTERM, leave)
  try:
    yield
  finally:
    signal.signal(signal.SIGTERM, previous)


class _Leave(BaseException):  # no Exception: the function's own handlers must let it through
  pass
