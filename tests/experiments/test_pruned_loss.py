"""config.window: the transducer stages train with the pruned loss, the device file is as ever."""

import jax
import pytest

from data.corpora import Corpora
from data.tones import tone_source
from edge_rnnt.export.freeze import freeze
from edge_rnnt.inputs.rejected import ManifestReport
from experiments import baseline, build
from experiments.speech import prepare_speech


@pytest.fixture(scope="module")
def runs() -> dict[int, build.Run]:
  """By window; none is trained."""
  config = baseline.get_config()
  config.model.update(encoder_layers=2, encoder_cells=8, encoder_projection=8)
  config.curriculum, config.buckets, config.batch_size = ("hear", "dense"), 1, 8
  sources = {
    split: {"commands": tone_source(count, seed=seed)}
    for split, count, seed in (("train", 24, 1), ("dev", 4, 2), ("test", 4, 3))
  }
  corpora = Corpora("synthetic", "chords", True, **sources, report=ManifestReport(32))
  speech = prepare_speech(config, corpora)
  made = {}
  for window in (0, 3):
    config.window = window
    made[window] = build.run(config, speech)
  return made


def test_only_stages_with_a_transducer_have_a_simple_loss(runs):
  for window, parts in ((0, {"transducer"}), (3, {"transducer", "simple"})):
    run = runs[window]
    batch = next(run.batches(0)).arrays
    hear, dense = (set(jax.eval_shape(stage.step, run.state, *batch)[1]) for stage in run.stages)
    assert hear & {"ctc", "transducer", "simple"} == {"ctc"}
    assert dense & {"ctc", "transducer", "simple"} == {"ctc"} | parts


def test_what_is_exported_has_the_same_tensors(runs):
  full, pruned = (freeze(r.state.params, r.model.config, "float").tensors for r in runs.values())
  assert "simple" in runs[3].state.params
  assert {k: v.shape for k, v in full.items()} == {k: v.shape for k, v in pruned.items()}
