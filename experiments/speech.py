"""Config and corpora -> speech made ready for a model: front end, word-pieces, prepared sources."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from ml_collections import ConfigDict

from data.corpora import Corpora
from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.inputs import prepared
from edge_rnnt.inputs.rejected import ManifestReport
from edge_rnnt.text.wordpiece import WordPieces, train_wordpieces
from experiments.warm_start import Start

STATISTICS_UTTERANCES = 300


@dataclasses.dataclass(frozen=True)
class Speech:
  """Corpora made ready for a model: what goes in, what comes out, and what had to be left out."""

  corpora: Corpora
  front_end: FrontEnd
  pieces: WordPieces
  train: Mapping[str, prepared.Prepared]
  dev: Mapping[str, prepared.Prepared]
  left_out: ManifestReport


def prepare_speech(config: ConfigDict, corpora: Corpora, start: Start | None = None) -> Speech:
  """Measures the training audio and text, or takes front end and word-pieces from `start`.

  Dev and test play no part in it.
  """
  front_end = start.front_end if start else measured_front_end(config.front_end, corpora)
  pieces = start.pieces if start else word_pieces(config.pieces, corpora)
  reduction, longest = config.model.time_reduction, None
  if config.longest_utterance:
    samples = round(config.longest_utterance * front_end.sample_rate)
    longest = prepared.count_frames(front_end, samples)
  train, left_out = {}, ManifestReport(0)
  for name, source in corpora.train.items():
    train[name], report = prepared.keep_fitting(
      prepared.prepare(source, front_end, pieces), reduction, longest
    )
    left_out += report
  # Nothing is left out of dev: what does not fit counts as errors there.
  dev = {name: prepared.prepare(each, front_end, pieces) for name, each in corpora.dev.items()}
  return Speech(corpora, front_end, pieces, train, dev, left_out)


def measured_front_end(config: ConfigDict, corpora: Corpora) -> FrontEnd:
  """The front end, normalized by every mel band's mean and deviation over some training speech."""
  sources = list(corpora.train.values())
  each = max(1, STATISTICS_UTTERANCES // len(sources))
  rng = np.random.default_rng(0)
  settings = dict(config)
  clip = settings.pop("clip")
  plain = FrontEnd(**settings)
  chosen = [
    (source, int(item))
    for source in sources
    for item in rng.choice(len(source), min(each, len(source)), replace=False)
  ]
  measured = plain.with_statistics(plain.log_mel(source[item].samples) for source, item in chosen)
  return dataclasses.replace(measured, clip=clip)


def word_pieces(config: ConfigDict, corpora: Corpora) -> WordPieces:
  """Those that came with the speech; else whole words where the training text is a closed
  vocabulary, byte pairs where it is open.
  """
  if corpora.wordpieces is not None:
    return WordPieces(corpora.wordpieces)
  chosen = [corpora.train[name] for name in config.sources if name in corpora.train]
  sources = chosen or corpora.train.values()
  texts = sorted({source.text(item) for source in sources for item in range(len(source))})
  words = {word for text in texts for word in text.split()}
  if len(words) <= config.closed_words:
    # Room for every word, and for unknown and blank.
    model = train_wordpieces(texts, vocab_size=len(words) + 2, model_type="word")
  else:
    model = train_wordpieces(texts, vocab_size=config.vocab_size, model_type="bpe")
  return WordPieces(model)
