"""Recognition of a set: everything once, in order, by the search of the decode room."""

import jax
import numpy as np
import pytest

from data.tones import tone_source
from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.decode.greedy import greedy
from edge_rnnt.evaluate.recognition import recognize, references, score
from edge_rnnt.inputs.batching import evaluation_batches
from edge_rnnt.inputs.buckets import choose_buckets
from edge_rnnt.inputs.prepared import prepare
from edge_rnnt.model.rnnt import RNNT, RNNTConfig, init
from edge_rnnt.text.wordpiece import WordPieces, train_wordpieces

FRONT_END = FrontEnd(sample_rate=8000, num_mels=8)


@pytest.fixture(scope="module")
def heard():
  source = tone_source(11, seed=5)
  texts = [source.text(item) for item in range(len(source))]
  pieces = WordPieces(train_wordpieces(texts, vocab_size=6, model_type="word"))
  prepared = prepare(source, FRONT_END, pieces)
  config = RNNTConfig(
    feature_dim=32, vocab_size=pieces.vocab_size, encoder_layers=2, encoder_cells=8,
    encoder_projection=None, time_reduction_after=1, embedding_dim=4, prediction_layers=1,
    prediction_cells=8, prediction_projection=None, joint_dim=8,
  )  # fmt: skip
  params = init(config, jax.random.key(0))
  params["joint"]["encoder"] *= 20  # so that it talks
  model, buckets = RNNT(config), choose_buckets([prepared], count=2, batch_size=4)
  batches = list(evaluation_batches(prepared, FRONT_END, buckets))
  return prepared, batches, recognize(model, params, batches, pieces), (model, params, pieces)


def test_every_utterance_once_as_greedy_search_has_it(heard):
  prepared, batches, found, (model, params, pieces) = heard
  assert [each.id for each in found] == [name for batch in batches for name in batch.ids]
  assert sorted(each.id for each in found) == sorted(prepared.id(n) for n in range(len(prepared)))
  assert any(each.text for each in found)
  tokens, frames, counts = greedy(model, params, batches[0].features, batches[0].frame_lengths)
  count = int(counts[0])
  assert found[0].text == pieces.decode(np.asarray(tokens)[0, :count].tolist())
  assert list(found[0].frames) == np.asarray(frames)[0, :count].tolist()


def test_score_is_pooled_over_words(heard):
  prepared, _, found, _ = heard
  said = references({"only": prepared})
  silent = [each._replace(text="") for each in found]
  right = [each._replace(text=said[each.id]) for each in found]
  assert score(silent, said, samples=10).wer == 1.0
  assert score(right, said, samples=10).wer == 0.0
  one = [right[0]._replace(text=""), *right[1:]]
  words = {name: len(text.split()) for name, text in said.items()}
  assert score(one, said, samples=10).wer == words[one[0].id] / sum(words.values())


def test_ids_must_be_unique_over_sets(heard):
  with pytest.raises(ValueError, match="unique"):
    references({"one": heard[0], "same": heard[0]})
