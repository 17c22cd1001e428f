"""Word-pieces: round trips, the blank's place, unknown letters, and errors in plain words."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_rnnt.text.wordpiece import WordPieces, train_wordpieces

ORDERS = [
  "turn the lights on",
  "turn the lights off in the kitchen",
  "make me a small coffee",
  "don't play that song",
  "set the timer to twenty one minutes",
] * 4
LETTERS = sorted(set("".join(ORDERS)))
OPEN = ["bpe", "unigram", "char"]
MODELS = {
  kind: WordPieces(train_wordpieces(ORDERS, vocab_size=60, model_type=kind))
  for kind in [*OPEN, "word"]
}


@pytest.mark.parametrize("kind", OPEN)
@given(text=st.text(alphabet=LETTERS, max_size=60))
def test_any_text_in_known_letters_comes_back(kind, text):
  pieces = MODELS[kind]
  assert pieces.decode(pieces.encode(text)) == " ".join(text.split())


@given(words=st.lists(st.sampled_from(sorted(set(" ".join(ORDERS).split()))), max_size=9))
def test_a_word_model_spells_every_word_as_one_piece(words):
  pieces = MODELS["word"]
  ids = pieces.encode(" ".join(words))
  assert len(ids) == len(words)
  assert pieces.decode(ids) == " ".join(words)


@pytest.mark.parametrize("kind", MODELS)
def test_ids_are_pieces_and_the_blank_is_the_one_after_them(kind):
  pieces = MODELS[kind]
  assert pieces.vocab_size == len(pieces.pieces) + 1
  assert pieces.blank_id == pieces.vocab_size - 1
  assert pieces.pieces[pieces.unknown_id] == "<unk>"
  used = {i for text in ORDERS for i in pieces.encode(text)}
  assert used <= set(range(pieces.blank_id)) - {pieces.unknown_id}
  assert "".join(pieces.pieces[i] for i in pieces.encode("turn me")) == "▁turn▁me"


@pytest.mark.parametrize(
  ("kind", "text", "back"),
  [
    ("word", "turn the radio on", "turn the ⁇ on"),
    ("word", "jazz", "⁇"),
    ("char", "café", "caf ⁇"),
    ("bpe", "日本 turn", "⁇ turn"),
    ("unigram", "turn № on", "turn ⁇ on"),
  ],
)
def test_what_no_piece_spells_is_one_unknown(kind, text, back):
  pieces = MODELS[kind]
  ids = pieces.encode(text)
  assert ids.count(pieces.unknown_id) == 1
  assert pieces.decode(ids) == back


@pytest.mark.parametrize("kind", MODELS)
def test_no_text_is_no_ids(kind):
  assert MODELS[kind].encode(" \n ") == []
  assert MODELS[kind].decode([]) == ""


@pytest.mark.parametrize("kind", MODELS)
def test_the_same_texts_give_the_same_model(kind):
  again = train_wordpieces(iter(ORDERS), vocab_size=60, model_type=kind)
  assert again == MODELS[kind].model
  assert pickle.loads(pickle.dumps(MODELS[kind])).pieces == MODELS[kind].pieces


def test_sizes_count_unknown_and_blank_and_are_kept_to():
  for size in [30, 40, 50]:
    model = train_wordpieces(ORDERS, vocab_size=size, model_type="bpe")
    assert WordPieces(model).vocab_size == size
  words = WordPieces(train_wordpieces(ORDERS, vocab_size=5, model_type="word"))
  assert words.pieces[1] == "▁the"  # the most frequent words stay
  assert words.vocab_size == 5
  assert WordPieces(train_wordpieces(["a"], vocab_size=500, model_type="word")).vocab_size == 3


def test_long_texts_and_line_breaks_are_learnt_from():
  """sentencepiece alone drops texts above 4192 bytes, and would make a letter of the line break."""
  pieces = WordPieces(train_wordpieces(["on\n off " * 2000], vocab_size=10, model_type="word"))
  assert sorted(pieces.pieces) == ["<unk>", "▁off", "▁on"]


def test_rare_letters_can_be_left_out():
  texts = ["turn it on"] * 200 + ["café"]
  model = train_wordpieces(texts, vocab_size=20, model_type="char", character_coverage=0.999)
  assert WordPieces(model).decode(WordPieces(model).encode("on é")) == "on ⁇"


@pytest.mark.parametrize(
  ("texts", "settings", "message"),
  [
    ([], {}, "need text to be trained on, got none"),
    (["", " \t"], {}, "need text to be trained on, got none"),
    (
      ORDERS,
      {"vocab_size": 12},
      "vocab_size=12 is too small.*the 2[0-9] letters.*Raise vocab_size",
    ),
    (
      ORDERS,
      {"vocab_size": 2, "model_type": "word"},
      "blank, unknown and pieces: at least 3, got 2",
    ),
    (ORDERS, {"character_coverage": 0.5}, "a share from 0.98 to 1, got 0.5"),
    (ORDERS, {"vocab_size": 9, "character_coverage": 0.99}, "made no 9 bpe pieces of 20 texts"),
  ],
)
def test_errors_say_what_to_do(texts, settings, message):
  with pytest.raises(ValueError, match=message):
    train_wordpieces(texts, **{"vocab_size": 60, "model_type": "bpe", **settings})


def test_blanks_and_strangers_do_not_decode():
  pieces = MODELS["word"]
  with pytest.raises(ValueError, match=f"got {pieces.blank_id}, which is the blank; drop blanks"):
    pieces.decode([1, pieces.blank_id])
  for stranger in [-1, pieces.vocab_size]:
    with pytest.raises(ValueError, match=f"got {stranger}, which is no id"):
      pieces.decode([stranger])


def test_other_bytes_are_no_model():
  with pytest.raises(ValueError, match="these 7 bytes are no sentencepiece model"):
    WordPieces(b"garbage")


def test_real_texts_come_back(shared_data):
  for folder, kind, size in [("commands", "word", 100), ("read", "bpe", 500)]:
    rows = (shared_data / folder / f"{folder}.tsv").read_text().splitlines()
    column = rows[0].split("\t").index("text")
    texts = [row.split("\t")[column] for row in rows[1:]]
    pieces = WordPieces(train_wordpieces(texts, vocab_size=size, model_type=kind))
    assert all(pieces.decode(pieces.encode(text)) == text for text in texts)
