"""What an utterance heard piece by piece says of a runtime, as if the audio came in real time.

Piece j is fed when its last sample has been spoken, or as soon as the runtime has done with the one
before; `finish` follows the last piece at once.

  first token  from the feeding time of the piece that completes the frames which the token's
               encoded frame is made of, until the token can be read: a runtime that waits for more
               audio than that is charged the time that it takes to be spoken
  last token   from the feeding time of the last piece until `finish` has returned and the tokens
               have been read: the final text is there
"""

from edge_rnnt.audio.frontend import FrontEnd
from experiments.benchmarks.recognizer_worker import PIECE_SECONDS, Heard


def first_token(heard: Heard, front_end: FrontEnd, reduction: int) -> float | None:
  """Seconds; None if nothing was said."""
  if not heard.tokens:
    return None
  fed, done = _times(heard)
  at = next(at for at, known in enumerate(heard.known) if known)
  needed = end_of(heard.tokens[0][1], front_end, reduction)
  piece = min(-(-needed // round(PIECE_SECONDS * front_end.sample_rate)) - 1, len(fed) - 1)
  return done[at] - fed[piece]


def rtf(heard: list[Heard]) -> float:
  """Processing time / audio time."""
  return sum(sum(each.seconds) for each in heard) / sum(each.audio_seconds for each in heard)


def last_token(heard: Heard) -> float:
  """Seconds."""
  fed, done = _times(heard)
  return done[-1] - fed[-1]


def encoded_frames(samples: int, front_end: FrontEnd, reduction: int) -> int:
  """Of a finished utterance, its tail included."""
  samples += len(front_end.tail_after(samples))
  rows = -(-front_end.kernel().framing.count(samples) // front_end.stride)
  return -(-rows // reduction)


def end_of(frame: int, front_end: FrontEnd, reduction: int) -> int:
  """Samples that an encoded frame is made of: up to the last one its last row's window covers."""
  rows = (frame + 1) * reduction
  framing = front_end.kernel().framing
  return framing.span((rows - 1) * front_end.stride + 1) - framing.left


def _times(heard: Heard) -> tuple[list[float], list[float]]:
  """When each piece and the end were fed and done with, in seconds of the audio."""
  ends = (PIECE_SECONDS * (number + 1) for number in range(len(heard.seconds)))
  fed = [min(end, heard.audio_seconds) for end in ends]
  done, now = [], 0.0
  for begin, spent in zip(fed, heard.seconds, strict=True):
    now = max(now, begin) + spent
    done.append(now)
  return fed, done
