"""Words <-> word-pieces through sentencepiece, with the blank where every room expects it.

Ids: 0 is the unknown piece, 1 ... are the pieces, and the last one, vocab_size - 1, is the
transducer's blank. The blank is fixed here and nowhere else; sentencepiece does not know it.
Vocabulary sizes count it everywhere.
"""

import functools
import io
from collections.abc import Iterable, Sequence
from typing import Literal

import sentencepiece

UNKNOWN_ID = 0
LONGEST_TEXT = 1 << 24  # bytes; sentencepiece's own limit of 4192 drops longer texts without a word

ModelType = Literal["word", "bpe", "unigram", "char"]


def train_wordpieces(
  texts: Iterable[str],
  *,
  vocab_size: int,
  model_type: ModelType,
  character_coverage: float = 1.0,
) -> bytes:
  """Texts -> a sentencepiece model of at most vocab_size tokens, blank and unknown counted.

  "word" is for closed vocabularies: one piece per whole word, the most frequent ones if there are
  too many. "bpe", "unigram" and "char" are for open ones: any text in known letters can be written.
  Text is taken as it is but for runs of white space, which become one space; normalize letters
  before. The same texts in the same order give the same bytes.

  character_coverage: share (0.98 to 1) of all letters written that must get a piece; the rarest
    become unknown. No matter to "word".

  Raises ValueError when there is no text, or vocab_size is too small to hold the letters.
  """
  if model_type not in ("word", "bpe", "unigram", "char"):
    raise ValueError(f'model_type is "word", "bpe", "unigram" or "char", got {model_type!r}.')
  if not 0.98 <= character_coverage <= 1:
    raise ValueError(f"character_coverage is a share from 0.98 to 1, got {character_coverage}.")
  corpus = [text for text in map(_one_spaced, texts) if text]
  if not corpus:
    raise ValueError("word-pieces need text to be trained on, got none but empty lines.")
  _check_room(corpus, vocab_size, model_type, character_coverage)
  model = io.BytesIO()
  try:
    sentencepiece.SentencePieceTrainer.train(
      sentence_iterator=iter(corpus),
      model_writer=model,
      vocab_size=vocab_size - 1,
      model_type=model_type,
      character_coverage=character_coverage,
      hard_vocab_limit=False,  # a small corpus has fewer pieces; that is no error
      normalization_rule_name="identity",
      max_sentence_length=LONGEST_TEXT,
      unk_id=UNKNOWN_ID,
      bos_id=-1,
      eos_id=-1,
      pad_id=-1,
      num_threads=1,  # more would make the pieces depend on how threads were scheduled
      minloglevel=2,
    )
  except RuntimeError as error:
    raise ValueError(
      f"sentencepiece made no {vocab_size} {model_type} pieces of {len(corpus)} texts: {error}"
    ) from error
  return model.getvalue()


def _check_room(texts: list[str], vocab_size: int, model_type: str, coverage: float) -> None:
  if vocab_size < 3:
    raise ValueError(f"vocab_size counts blank, unknown and pieces: at least 3, got {vocab_size}.")
  letters = set().union(*texts) - {" "}
  # "word" and "char" keep the most frequent; below full coverage sentencepiece itself decides.
  if model_type in ("bpe", "unigram") and coverage == 1 and vocab_size < len(letters) + 3:
    raise ValueError(
      f"vocab_size={vocab_size} is too small: blank, unknown, space and the {len(letters)} letters "
      f"of these texts need {len(letters) + 3} for {model_type} pieces. Raise vocab_size, lower "
      "character_coverage, or normalize the texts."
    )


class WordPieces:
  """A trained model: text -> ids without blanks, and back.

  Raises ValueError when built from bytes that are no sentencepiece model.
  """

  def __init__(self, model: bytes):
    self.model = model
    try:
      self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    except RuntimeError as error:
      raise ValueError(
        f"these {len(model)} bytes are no sentencepiece model as train_wordpieces makes them."
      ) from error

  @property
  def vocab_size(self) -> int:
    """Pieces, the unknown one among them, and the blank."""
    return self._processor.vocab_size() + 1

  @property
  def blank_id(self) -> int:
    return self.vocab_size - 1

  @property
  def unknown_id(self) -> int:
    return self._processor.unk_id()

  @functools.cached_property
  def pieces(self) -> list[str]:
    """The pieces by id, blank excluded; "▁" stands where a word begins."""
    return [self._processor.id_to_piece(i) for i in range(self._processor.vocab_size())]

  def encode(self, text: str) -> list[int]:
    """Ids of a text, white space as in training; what no piece can spell becomes unknown_id."""
    return self._processor.encode(_one_spaced(text))

  def decode(self, ids: Sequence[int]) -> str:
    """Text of ids; unknown_id becomes "⁇", standing alone, which wer.py counts as no word.

    Raises ValueError for a blank or an id out of range.
    """
    ids = [int(i) for i in ids]
    for i in ids:
      if not 0 <= i < self.blank_id:
        what = "the blank" if i == self.blank_id else "no id"
        raise ValueError(
          f"decode takes ids 0 ... {self.blank_id - 1}, got {i}, which is {what}; "
          "drop blanks and padding first."
        )
    return _one_spaced(self._processor.decode(ids))

  def __reduce__(self) -> tuple:
    return (WordPieces, (self.model,))


def _one_spaced(text: str) -> str:
  return " ".join(text.split())
