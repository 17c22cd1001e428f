"""Parameters -> word error rate of a set, by the greedy search that the device runs too."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from edge_rnnt.decode.greedy import Hypotheses, greedy
from edge_rnnt.inputs.batching import Batch
from edge_rnnt.inputs.prepared import Prepared
from edge_rnnt.model.rnnt import RNNT
from edge_rnnt.text.wer import ErrorRate, error_rate
from edge_rnnt.text.wordpiece import WordPieces


class Heard(NamedTuple):
  """What was recognized of one utterance."""

  id: str
  text: str
  frames: tuple[int, ...]
  """The encoded frame, counted from 0, at which each token was emitted."""


def recognize(
  model: RNNT,
  params: Any,
  batches: Iterable[Batch],
  pieces: WordPieces,
  search: Callable[..., Hypotheses] = greedy,
) -> list[Heard]:
  """Greedy texts of all utterances, in the order of the batches; empty rows are left out.

  search: `decode.greedy.greedy`, or `decode.ctc.ctc_greedy` while only the encoder is trained.
  """
  heard = []
  for batch in batches:
    found = search(model, params, batch.features, batch.frame_lengths)
    tokens, frames, counts = (np.asarray(each) for each in found)
    for row, name in enumerate(batch.ids):
      count = int(counts[row])
      text = pieces.decode(tokens[row, :count].tolist())
      heard.append(Heard(name, text, tuple(frames[row, :count].tolist())))
  return heard


def references(sources: Mapping[str, Prepared]) -> dict[str, str]:
  """Utterance id -> what was said. Raises ValueError if two utterances share an id."""
  texts: dict[str, str] = {}
  for prepared in sources.values():
    for item in range(len(prepared)):
      if prepared.id(item) in texts:
        raise ValueError(f"two utterances have the id {prepared.id(item)!r}: ids must be unique")
      texts[prepared.id(item)] = prepared.source.text(int(prepared.index[item]))
  return texts


def score(heard: Iterable[Heard], said: Mapping[str, str], *, samples: int = 1000) -> ErrorRate:
  """Pooled word error rate of what was heard against `references`."""
  heard = list(heard)
  return error_rate(
    [said[each.id] for each in heard], [each.text for each in heard], samples=samples
  )
