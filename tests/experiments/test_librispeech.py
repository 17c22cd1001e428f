"""The LibriSpeech recipe: the sizes of the public reference; a run on archives of its layout."""

import hashlib
import io
import pathlib
import tarfile

import jax
import numpy as np
import pytest
import soundfile
import tensorflow_datasets as tfds

from data import at_hand, librispeech
from data.tones import tone_source
from edge_rnnt.inputs import prepared
from edge_rnnt.model.config import RNNTConfig
from edge_rnnt.model.rnnt import RNNT, init
from experiments import build, pipeline, sweep
from experiments import librispeech as recipe
from experiments.speech import prepare_speech

SUBSETS = {"train-clean-100": 60, "dev-clean": 6, "dev-other": 5, "test-clean": 6, "test-other": 5}


def archive(subset, count):
  """A subset in LibriSpeech's layout, spoken in chords."""
  source = tone_source(count, seed=len(subset) + count, sample_rate=16000)
  packed, lines = io.BytesIO(), []
  speaker = 19 + list(SUBSETS).index(subset)  # nobody is in two subsets
  with tarfile.open(fileobj=packed, mode="w:gz") as tar:

    def add(name, content):
      member = tarfile.TarInfo(f"LibriSpeech/{subset}/{name}")
      member.size = len(content)
      tar.addfile(member, io.BytesIO(content))

    for item in range(count):
      name = f"{speaker}-198-{item:04d}"
      flac = io.BytesIO()
      soundfile.write(flac, source[item].samples, 16000, format="FLAC", subtype="PCM_16")
      add(f"{speaker}/198/{name}.flac", flac.getvalue())
      lines.append(f"{name} {source.text(item).upper()}\n")
    add(f"{speaker}/198/{speaker}-198.trans.txt", "".join(lines).encode())
  return packed.getvalue()


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
  """Prepared from archives put by hand, with checksums."""
  root = tmp_path_factory.mktemp("librispeech")
  archives = {}
  (root / "archives").mkdir()
  for subset, count in SUBSETS.items():
    content = archive(subset, count)
    (root / "archives" / f"{subset}.tar.gz").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    archives[subset] = librispeech.Archive(f"http://127.0.0.1:9/{subset}.tar.gz", digest, 1)
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(librispeech, "ARCHIVES", archives)
    tfds.disable_progress_bar()
    builder = librispeech.LibriSpeechFlac(
      config="clean100", data_dir=root / "tfds", file_format="array_record"
    )
    builder.download_and_prepare(download_dir=root / "archives")
  return at_hand.resolve(
    data_dir=pathlib.Path(builder.data_path),
    shared=None,
    cache_dir=root,
    online=False,
    sample_rate=16000,
  )


def small_config():
  config = recipe.get_config()
  config.front_end.num_mels = 16
  config.model.update(
    encoder_layers=3, encoder_cells=16, embedding_dim=8, prediction_layers=1, prediction_cells=16,
    joint_dim=16,
  )  # fmt: skip
  config.pieces.vocab_size, config.batch_size, config.buckets = 64, 8, 1
  config.optimizer.warmup_steps = 2
  config.curriculum, config.stages.decay.steps = ("decay",), 5
  config.evaluate_every, config.calibration_utterances = 100, 16
  config.schemes = ("float",)
  # Much of what is short: masks that hid a whole beginning once made the first gradient overflow.
  config.augmentation.time_share = 0.2
  return config


def test_the_reference_has_49_million_parameters():
  """As MLPerf's: 48.97 M without layer norm's gains and the CTC head that only training uses."""
  config = recipe.get_config()
  settings = RNNTConfig(
    feature_dim=3 * 80, vocab_size=1024, ctc=False, layer_norm=False, **config.model
  )
  shapes = jax.eval_shape(lambda key: init(settings, key), jax.random.key(0))
  count = sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes))
  assert count == pytest.approx(48.97e6, rel=2e-3)


def test_the_papers_model_has_122_million_parameters():
  jobs = sweep.jobs(
    recipe.get_sweep(), recipe.get_config(), "experiments.librispeech", pathlib.Path("runs"),
    overrides={},
  )  # fmt: skip
  config = next(job.config for job in jobs if job.folder == "paper-0")
  front = config.front_end
  settings = RNNTConfig(
    feature_dim=front.stack * front.num_mels, vocab_size=config.pieces.vocab_size, **config.model
  )
  shapes = jax.eval_shape(lambda key: init(settings, key), jax.random.key(0))
  count = sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes))
  assert count == pytest.approx(122.1e6, rel=1e-3)
  assert RNNT(settings).config.encoder_projection == 640


def test_the_schedule_is_that_of_960_hours():
  config = recipe.get_config()
  epoch = config.stages.decay.steps / recipe.DECAY
  assert epoch * config.batch_size == pytest.approx(281_241, rel=0.005)
  assert config.optimizer.warmup_steps == 6 * epoch
  assert config.stages.hold.steps == 46 * epoch


def test_splits_are_named_as_published(corpora):
  assert set(corpora.dev) == {"dev_clean", "dev_other"}
  assert set(corpora.test) == {"test_clean", "test_other"}
  assert len(corpora.train["own"]) == 60 and corpora.kind == "libri_speech_flac"
  assert "train/dev/test 60/11/11 utterances" in corpora.description


def test_long_utterances_are_left_out_of_training_by_name(corpora, tmp_path, capsys):
  config = small_config()
  config.longest_utterance = 1.0
  speech = prepare_speech(config, corpora)
  train = corpora.train["own"]
  long = {train.id(n) for n in range(60) if train.seconds(n) > 1.0 + 0.03}
  assert 0 < len(long) < 60
  rejected = {each.path for each in speech.left_out.rejected}
  assert long <= rejected and set(speech.left_out.counts) == {"longer than training takes"}
  whole = prepared.prepare(train, speech.front_end, speech.pieces)
  assert not prepared.keep_fitting(whole, 2)[1].rejected
  pipeline.tell_left_out(speech, tmp_path / "left_out.tsv")
  counts = f"{60 - len(rejected)} utterances used, {len(rejected)} left out"
  assert counts in capsys.readouterr().out
  assert all(each in (tmp_path / "left_out.tsv").read_text() for each in rejected)


def test_from_archives_to_a_page(corpora, tmp_path):
  """Five updates: that it runs, and measures each set by its name."""
  found = pipeline.run(small_config(), corpora, tmp_path, command="the test")
  assert {row.set for row in found.rows} == {"all", "test_clean", "test_other"}
  words = {row.set: row.words for row in found.rows}
  assert words["all"] == words["test_clean"] + words["test_other"] > 11
  page = (tmp_path / "report.html").read_text()
  assert "libri_speech_flac" in page and "test_other" in page


def test_an_unknown_optimizer_is_named(corpora):
  config = small_config()
  config.optimizer.name = "lamp"
  with pytest.raises(ValueError, match=r"'lamp': expected one of \['adamw', 'lamb'\]"):
    build.run(config, prepare_speech(config, corpora))
