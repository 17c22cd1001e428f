"""Three domains in one model: what is trained on, in what shapes, disturbed by what; and how apart
sets are measured.
"""

import dataclasses

import numpy as np
import pytest

from data import sounds
from data.corpora import Corpora
from data.tones import tone_corpora, tone_source
from edge_rnnt.inputs.joined import JoinedStrings
from edge_rnnt.inputs.rejected import ManifestReport
from edge_rnnt.inputs.views import Telephone
from edge_rnnt.report.results import POOLED
from experiments import (
  build,
  describe,
  disturbance,
  librispeech,
  measure,
  multidomain,
  package_model,
  pipeline,
  recipe,
  sentences,
)
from experiments.speech import prepare_speech, word_pieces


def domains(train: int) -> Corpora:
  strings = {
    split: Telephone(JoinedStrings(tone_source(train, seed=seed, most=1), most=3))
    for split, seed in (("train", 1), ("dev", 2), ("test", 3))
  }
  named = {
    split: {
      "commands": tone_source(train, seed=10 + number),
      "read": tone_source(train, seed=20 + number, most=6),
      "telephony": strings[split],
    }
    for number, split in enumerate(("train", "dev", "test"))
  }
  named["train"]["long"] = JoinedStrings(named["train"]["read"], least=2, most=5)
  named["train"]["strings"] = JoinedStrings(tone_source(train, seed=1, most=1), most=3)
  return Corpora("shared", "chords", False, **named, report=ManifestReport(train))


@pytest.fixture(scope="module")
def config():
  config = multidomain.get_config()
  config.front_end.num_mels = 12
  config.model.update(
    encoder_layers=2, encoder_cells=16, encoder_projection=16, prediction_cells=16,
    prediction_projection=None, joint_dim=16, embedding_dim=8,
  )  # fmt: skip
  config.frame_budget, config.batch_size, config.buckets = 400, 4, 3
  return config


@pytest.fixture(scope="module")
def within():
  rng = np.random.default_rng(0)
  return {kind: (rng.normal(0, 0.1, 800).astype(np.float32),) for kind in ("noise", "rir")}


@pytest.fixture(scope="module")
def run(config, within):
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(disturbance, "sounds", lambda place, kind, rate: within[kind] if place else ())
    return build.run(config, prepare_speech(config, domains(40)))


def test_every_stage_of_the_curriculum_has_its_sources(run):
  assert [stage.name for stage in run.stages] == [
    "align",
    "hear",
    "widen",
    "dense",
    "half",
    "eighty",
  ]
  assert set(run.plan.sources) == {"commands", "read", "telephony", "strings", "long"}
  assert {run.plan[n].source for n in range(300)} == {"strings"}
  assert "read" not in {run.plan[n].source for n in range(300, 1100)}


def test_short_utterances_share_a_batch_with_more(run, config):
  sizes = [bucket.size for bucket in run.plan.buckets]
  assert sizes[0] > sizes[-1] >= 4
  for bucket in run.plan.buckets:
    assert bucket.size == 4 or bucket.size * bucket.frames <= config.frame_budget


def test_the_disturbances_of_the_paper_come_after_the_plateau(run):
  first, last = run.plan.stages[0].augment, run.plan.stages[-1].augment
  assert (last.room_share, last.telephone_share, last.noise_share) == (0.2, 0.2, 0.7)
  assert first.room_share == pytest.approx(0.06) and first.noise_share == pytest.approx(0.21)
  assert last.snr_db == (5.0, 40.0)
  batch = next(run.batches(1800))
  assert np.isfinite(batch.features).all()


def test_where_no_rooms_are_at_hand_none_are_used(config, monkeypatch, tmp_path):
  monkeypatch.setattr(sounds, "BESIDE_REPOSITORY", tmp_path)
  run = build.run(config, prepare_speech(config, domains(40)))
  assert run.plan.stages[-1].augment.room_share == 0
  assert run.plan.stages[-1].augment.noise_share == 0.7  # of white noise


def test_the_quick_recipe_is_disturbed_as_ever():
  """Its numbers on the page belong to these."""
  settings = recipe.get_config().augmentation
  augment = disturbance.augment(settings, disturbance.surroundings(settings, 8000), 1.0)
  assert dataclasses.asdict(augment) == {
    "speed": (0.9, 1.1), "gain_db": (-24.0, 6.0), "room_share": 0.0, "noise_share": 0.7,
    "snr_db": (10.0, 40.0), "telephone_share": 0.0, "warp": 0.08, "time_masks": 2, "time_width": 4,
    "time_share": 0.2, "mel_masks": 2, "mel_width": 6,
  }  # fmt: skip


def test_word_pieces_are_made_of_the_chosen_text(config):
  corpora = domains(40)
  corpora.train["telephony"] = tone_source(30, seed=5, most=1)
  chosen = recipe.get_config().pieces
  chosen.sources = ("telephony", "nothing of this name")
  said = {word for n in range(30) for word in corpora.train["telephony"].text(n).split()}
  pieces = word_pieces(chosen, corpora).pieces
  assert {piece.removeprefix("▁") for piece in pieces} - {"<unk>"} == said


def test_the_page_tells_domains_and_disturbances(config, run):
  speech = prepare_speech(config, domains(40))
  told = describe.data(speech, run)
  assert told.name == "spoken orders, read sentences and digit strings by telephone"
  notes = " ".join(describe.notes(config, speech))
  assert "background noise (at hand) in 70%, rooms (at hand) in 20%, a telephone line" in notes
  assert "Pruned in 8x1 blocks" in notes and "Integer rows are calibrated on" in notes
  dense = config.copy_and_resolve_references()
  dense.curriculum, dense.schemes = ("align", "dense"), ("float",)
  notes = " ".join(describe.notes(dense, speech))
  assert "Pruned" not in notes and "Integer" not in notes


def test_sets_apart_have_rows_of_their_own_only(workdir, tmp_path, make_corpora):
  """A finished model of the made-up language on two sets, of which one is apart."""
  test = make_corpora().test["commands"]
  named = {"commands": test, "long": JoinedStrings(test, least=3, most=3)}
  model = measure.DeviceModel(
    "dense", workdir / "models" / "dense-float.edge", "float", "lstm", 0.0, 1, 1, None
  )
  (tmp_path / "samples").mkdir()
  local = tmp_path / "dense-float.edge"
  local.write_bytes(model.path.read_bytes())
  model = dataclasses.replace(model, path=local)
  timed = measure.write_samples({"commands": test}, tmp_path / "samples")
  args = (model, measure.load(named), timed, tmp_path)
  rows = {row.set: row for row in measure.rows(*args, apart=frozenset({"long"}))}
  assert set(rows) == {POOLED, "commands", "long"}
  assert rows[POOLED].words == rows["commands"].words == rows["long"].words
  both = {row.set: row.words for row in measure.rows(*args)}
  assert both[POOLED] == 2 * both["commands"]


@pytest.mark.parametrize(
  "launcher, names",
  [
    (recipe, ("commands", "strings")),
    (multidomain, ("commands", "long", "read", "read_digits", "strings", "telephony")),
    (package_model, ("commands", "read", "read_digits", "read_strings", "strings", "telephony")),
    (sentences, ("commands", "read", "read_digits", "strings", "telephony")),
    (librispeech, ("own",)),
  ],
)
def test_fake_data_serves_every_stage_of_a_launcher(launcher, names):
  """The first run on a new machine is a run of all stages."""
  config = launcher.get_config()
  assert pipeline.sources_wanted(config) == names
  corpora = tone_corpora(config.front_end.sample_rate, names)
  assert set(corpora.train) == set(names)
  for stage in (config.stages[name] for name in config.curriculum):
    assert set(stage.sources) & set(names)
  if "strings" in names:  # to align to
    assert corpora.train["strings"][0].words is not None
