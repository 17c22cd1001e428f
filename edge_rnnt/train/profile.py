"""A profiler's trace of a few updates, for TensorBoard or Perfetto."""

import pathlib

import jax

AFTER = 10
"""Updates before it begins: the first ones are compilation."""


class Profile:
  """Traces `updates` updates into `folder` (none if 0); a context manager.

  Every process traces its own devices.
  """

  def __init__(self, folder: pathlib.Path, updates: int):
    """Raises ValueError for fewer than 0 updates."""
    if updates < 0:
      raise ValueError(f"a profile is of 0 or more updates, got {updates}")
    self._folder, self._left = folder, updates
    self._wait, self._running = AFTER, False

  def __enter__(self) -> "Profile":
    return self

  def __exit__(self, *_: object) -> None:
    self._stop()

  def updated(self, result: object) -> None:
    """An update was given to the devices; `result` is something that it computes."""
    if not self._left:
      return
    if self._wait:
      self._wait -= 1
    elif not self._running:
      jax.block_until_ready(result)  # what is traced begins with an idle device
      jax.profiler.start_trace(str(self._folder))
      self._running = True
    else:
      self._left -= 1
      if not self._left:
        jax.block_until_ready(result)
        self._stop()

  def _stop(self) -> None:
    if self._running:
      jax.profiler.stop_trace()
      self._running = False
