"""SIGTERM (preemption) and Ctrl-C end training after the update under way, with its state saved."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

import jax
from jax.experimental import multihost_utils

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

  `signum` is the first that came, or None. A second Ctrl-C interrupts at once, as ever.
  """

  def __init__(self) -> None:
    self.signum: int | None = None
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
    if self.signum is not None and kind is None:
      signal.raise_signal(self.signum)  # it came too late for anyone to heed it

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
    if self.signum is not None and signum == signal.SIGINT:
      raise KeyboardInterrupt
    self.signum = self.signum or signum
    if self._may_leave:
      self._may_leave = False
      raise _Leave


class AgreedStop(StopSignals):
  """The same for one of several processes, which must all stop after the same update.

  SIGTERM to any of them is taken by JAX's coordination service, which agrees with the others on an
  update to come: `agree` tells when it is reached. Ctrl-C counts as SIGTERM. An evaluation is not
  cut short, since all take part in it.
  """

  def __enter__(self) -> "AgreedStop":
    if threading.current_thread() is threading.main_thread():
      self._previous[signal.SIGINT] = signal.signal(signal.SIGINT, self._pass_on)
    return self

  def __exit__(self, kind: object, *_: object) -> None:
    super().__exit__(kind)
    if kind is None:  # what comes after training has nothing to save, and may be ended at once
      signal.signal(signal.SIGTERM, signal.SIG_DFL)

  def agree(self, step: int) -> None:
    if multihost_utils.reached_preemption_sync_point(step):
      self.signum = signal.SIGTERM

  def run_unless_stopped(self, function: Callable[[], Result]) -> Result | None:
    return function()

  def _pass_on(self, signum: int, frame: FrameType | None) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def stop_signals() -> StopSignals:
  """Those of a process that trains alone, or of one of several."""
  return StopSignals() if jax.process_count() == 1 else AgreedStop()


class _Leave(BaseException):  # no Exception: the function's own handlers must let it through
  pass
