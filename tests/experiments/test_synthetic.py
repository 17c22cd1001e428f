"""What synthesizers say goes into the training where the recipe asks for it, and nowhere else."""

import dataclasses
import shutil

import pytest

from data.synthesizers import ESPEAK, FLITE
from data.tones import tone_corpora
from experiments import package_model, synthetic

needs_espeak = pytest.mark.skipif(
  not ESPEAK.is_here(), reason="needs the wheel espeakng-loader: pip install espeakng-loader"
)
needs_flite = pytest.mark.skipif(not FLITE.is_here(), reason="needs flite: apt-get install flite")
BY_ESPEAK = {"synthetic-commands", "synthetic-telephony"}
BY_FLITE = {"synthetic-flite-commands", "synthetic-flite-telephony"}


@pytest.fixture
def config():
  config = package_model.get_config()
  config.synthetic = 3
  return config


@pytest.fixture
def corpora(config):
  """Recorded, as far as anyone is told."""
  made = tone_corpora(8000, ("commands", "strings", "telephony", "read"))
  return dataclasses.replace(made, synthetic=False)


@needs_espeak
@needs_flite
def test_each_synthesizer_says_what_the_recipe_asks_it_for(config, corpora, tmp_path):
  both = synthetic.with_synthetic(config, corpora, tmp_path)
  assert set(both.train) - set(corpora.train) == BY_ESPEAK | BY_FLITE
  assert (both.dev, both.test) == (corpora.dev, corpora.test)
  for name in BY_ESPEAK | BY_FLITE:
    source, by = both.train[name], FLITE if name in BY_FLITE else ESPEAK
    assert len(source) == 3
    assert {source.speaker(item) for item in range(3)} <= set(by.speakers["train"])


@needs_espeak
def test_one_that_is_not_there_is_named_and_the_other_speaks(
  config, corpora, tmp_path, monkeypatch, capsys
):
  monkeypatch.setattr(shutil, "which", lambda name: None)
  found = synthetic.with_synthetic(config, corpora, tmp_path)
  assert set(found.train) - set(corpora.train) == BY_ESPEAK
  assert "apt-get install flite" in capsys.readouterr().out


@pytest.mark.parametrize("what", ["synthetic speech alone", "none asked for", "no such words"])
def test_where_there_is_nothing_to_add(config, corpora, tmp_path, what):
  if what == "synthetic speech alone":
    corpora = dataclasses.replace(corpora, synthetic=True)
  elif what == "none asked for":
    config.synthetic = 0
  else:
    del corpora.train["telephony"], corpora.train["commands"]
  assert synthetic.with_synthetic(config, corpora, tmp_path).train == corpora.train
