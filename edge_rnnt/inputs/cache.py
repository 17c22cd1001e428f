"""Decoded recordings that stay in memory, as many as there is room for."""

import threading
from collections.abc import Callable, Hashable, Mapping

import numpy as np
from jaxtyping import Int16

CACHE_BYTES = 1 << 30
"""Enough for ten hours at 16 kHz; what is beyond is decoded again every time."""


class RecordingCache:
  """16-bit samples by key, up to `limit` bytes; `known` is in it from the beginning.

  Nothing is ever put out to make room: an epoch reads everything once, so whatever left would be
  needed again before what came. Safe to be shared by threads.
  """

  def __init__(
    self, limit: int = CACHE_BYTES, known: Mapping[Hashable, np.ndarray] | None = None
  ) -> None:
    self._kept = dict(known or {})
    self._free = limit - sum(each.nbytes for each in self._kept.values())
    self._lock = threading.Lock()

  def get(
    self, key: Hashable, decode: Callable[[], Int16[np.ndarray, "N"]]
  ) -> Int16[np.ndarray, "N"]:
    """The samples of `key`, decoded if they are not here, and kept if there is room."""
    samples = self._kept.get(key)
    if samples is None:
      samples = decode()
      with self._lock:
        if key not in self._kept and samples.nbytes <= self._free:
          self._free -= samples.nbytes
          self._kept[key] = samples
    return samples
