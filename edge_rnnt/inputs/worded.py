"""Transcripts as words are scored: what a model need not learn to write is not asked of it."""

import dataclasses
from collections.abc import Sequence

from edge_rnnt.inputs.rejected import Rejected
from edge_rnnt.inputs.utterance import Utterance
from edge_rnnt.text.wer import normalize


def in_plain_words(
  utterances: Sequence[Utterance],
) -> tuple[list[Utterance], list[Rejected]]:
  """Lower case, no punctuation (NORMALIZER of text/wer.py); and those of which no word is left."""
  plain = [dataclasses.replace(each, text=normalize(each.text)) for each in utterances]
  wordless = [
    Rejected(each.where, "no words in its transcript", before.text[:80])
    for before, each in zip(utterances, plain, strict=True)
    if not each.text
  ]
  return [each for each in plain if each.text], wordless
