"""Synthetic speech beside the recorded, in training alone."""

import dataclasses
import pathlib

from ml_collections import ConfigDict

from data.corpora import Corpora, synthetic_source
from data.synthesize import SynthesizerMissing
from edge_rnnt.inputs.dataset import Source
from edge_rnnt.train import processes


def with_synthetic(config: ConfigDict, corpora: Corpora, cache_dir: pathlib.Path) -> Corpora:
  """Adds synthetic speech to the training, never to dev or test, where the recipe asks for it.

  Only beside recorded sets that say the same kind of thing: strings of digits, orders, sentences
  of the training set.
  """
  wanted = {name for each in config.curriculum for name in config.stages[each].sources}
  kinds = [
    kind
    for kind in ("strings", "commands", "telephony", "read")
    if kind in corpora.train and f"synthetic-{kind}" in wanted
  ]
  if corpora.synthetic or not config.synthetic or not kinds:
    return corpora
  args = (config.synthetic, config.front_end.sample_rate, config.seed, cache_dir)
  try:
    made = {
      f"synthetic-{kind}": synthetic_source(kind, "train", *args, _texts(corpora.train[kind]))
      for kind in kinds
    }
  except SynthesizerMissing as error:
    processes.tell(f"No synthetic speech is mixed into the training: {error}")
    return corpora
  return dataclasses.replace(corpora, train=corpora.train | made)


def _texts(source: Source) -> list[str]:
  return [source.text(item) for item in range(len(source))]
