"""Synthetic speech beside the recorded, in training alone."""

import dataclasses
import pathlib

from ml_collections import ConfigDict

from data.corpora import Corpora, synthetic_source
from data.synthesize import SynthesizerMissing
from data.synthesizers import ESPEAK, FLITE
from edge_rnnt.inputs.dataset import Source
from edge_rnnt.train import processes

BY = {"synthetic-": ESPEAK, "synthetic-flite-": FLITE}
"""How the names of a synthesizer's sets begin."""
KINDS = ("strings", "commands", "telephony", "read")


def with_synthetic(config: ConfigDict, corpora: Corpora, cache_dir: pathlib.Path) -> Corpora:
  """Adds synthetic speech to the training, never to dev or test, where the recipe asks for it.

  Only beside recorded sets that say the same kind of thing: strings of digits, orders, sentences
  of the training set. A synthesizer that is not installed is named, and its sets are left out.
  """
  if corpora.synthetic or not config.synthetic:
    return corpora
  wanted = {name for each in config.curriculum for name in config.stages[each].sources}
  args = (config.synthetic, config.front_end.sample_rate, config.seed, cache_dir)
  made: dict[str, Source] = {}
  for prefix, by in BY.items():
    kinds = [each for each in KINDS if each in corpora.train and f"{prefix}{each}" in wanted]
    try:
      for kind in kinds:
        said = _texts(corpora.train[kind])
        made[f"{prefix}{kind}"] = synthetic_source(kind, "train", *args, said, by)
    except SynthesizerMissing as error:
      processes.tell(f"None of its speech is mixed into the training: {error}")
  return dataclasses.replace(corpora, train=corpora.train | made)


def _texts(source: Source) -> list[str]:
  return [source.text(item) for item in range(len(source))]
