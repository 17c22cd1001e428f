"""Several sources at once, told in the order in which they were given."""

import collections
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

Item = TypeVar("Item")
Event = TypeVar("Event")
Work = Callable[[Item, Callable[[], bool]], Iterator[Event]]
"""(item, whether to stop) -> its events; asks often whether to stop, and then ends soon."""
AHEAD = 4
"""Items begun or done before their turn, per thread: what they have said waits in memory."""


class _Running(NamedTuple):
  item: Any
  events: queue.SimpleQueue
  """Lists of one event, then an empty one."""
  future: Future


def in_order(work: Work, items: Sequence[Item], threads: int) -> Iterator[tuple[Item, Event]]:
  """The events of every item, item after item; those of the first unfinished one as they come.

  What `work` raises is raised when the item's turn comes. Closing the iterator stops the work.
  """
  if threads == 1:
    for item in items:
      for event in work(item, lambda: False):
        yield item, event
    return
  stop = threading.Event()
  pool = ThreadPoolExecutor(threads, "transcribe")
  try:
    yield from _told(pool, stop, work, items, threads * AHEAD)
  finally:
    stop.set()
    pool.shutdown(cancel_futures=True)


def _told(
  pool: ThreadPoolExecutor, stop: threading.Event, work: Work, items: Sequence[Item], ahead: int
) -> Iterator[tuple[Item, Event]]:
  def run(item: Item, events: queue.SimpleQueue) -> None:
    try:
      for event in work(item, stop.is_set):
        events.put([event])
    finally:
      events.put([])

  running: collections.deque[_Running] = collections.deque()
  coming = iter(items)
  while True:
    while len(running) < ahead and (item := next(coming, None)) is not None:
      events: queue.SimpleQueue = queue.SimpleQueue()
      running.append(_Running(item, events, pool.submit(run, item, events)))
    if not running:
      return
    turn = running.popleft()
    while event := turn.events.get():
      yield turn.item, event[0]
    turn.future.result()
