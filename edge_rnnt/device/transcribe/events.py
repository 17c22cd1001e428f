"""What becomes known of a source, in the order in which it does."""

import functools
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from edge_rnnt.audio.files import AudioError
from edge_rnnt.device.engine import Recognizer
from edge_rnnt.device.transcribe.endpoint import Endpointing
from edge_rnnt.device.transcribe.sources import Source
from edge_rnnt.device.transcribe.utterances import Listener, Utterance


class Partial(NamedTuple):
  """An utterance that has begun, as far as it is recognized; said whenever it grows."""

  text: str
  start: float


class Done(NamedTuple):
  """The source has ended."""

  utterances: list[Utterance]
  seconds: float
  """Length of the audio."""
  compute: float
  """Seconds that recognizing it took one thread."""

  @property
  def text(self) -> str:
    return " ".join(utterance.text for utterance in self.utterances)

  @property
  def rtf(self) -> float:
    """Processing time / audio time."""
    return self.compute / self.seconds if self.seconds else 0.0


class Failed(NamedTuple):
  """The source, or the rest of it, cannot be read."""

  problem: str


Event = Partial | Utterance | Done | Failed


def recognize(
  recognizer: Recognizer,
  source: Source,
  endpointing: Endpointing,
  *,
  partial: bool = False,
  stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
  """The events of a source, which end with Done or Failed.

  When `stopped`, the audio ends there and then. What is recognized is timed, what is read is not.
  """
  listener = Listener(recognizer, endpointing)
  utterances: list[Utterance] = []
  said, compute, failed = "", 0.0, None

  def timed(work: Callable[[], list[Utterance]]) -> list[Utterance]:
    nonlocal compute
    begin = time.thread_time()
    ended = work()
    compute += time.thread_time() - begin
    utterances.extend(ended)
    return ended

  try:
    for samples in source.chunks(recognizer.sample_rate):
      yield from timed(functools.partial(listener.accept, samples))
      text = listener.partial if partial else ""
      if text not in ("", said):
        yield Partial(text, listener.partial_start)
      said = text
      if stopped():
        break
  except (AudioError, OSError) as error:
    failed = Failed(str(error))
  yield from timed(listener.finish)
  yield failed or Done(utterances, listener.heard / recognizer.sample_rate, compute)
