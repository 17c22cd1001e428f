"""Which speech is taken, in which order, and that the page is told. All four ways, and none."""

import importlib.util

import numpy as np
import pytest
import soundfile

from data import at_hand, corpora, domains, spoken_digit
from data.at_hand import NoSpeech, resolve
from data.synthesize import SynthesizerMissing
from edge_rnnt.audio.augment import telephone_band
from edge_rnnt.inputs.dataset import Source
from edge_rnnt.inputs.rejected import ManifestError

RATE = 8000


@pytest.fixture
def offline(monkeypatch):
  """No part of resolve may reach out."""

  def refuse(*args, **kwargs):
    raise AssertionError("reached for the network")

  monkeypatch.setattr(spoken_digit, "download", refuse)


def write_set(folder, speakers_of, text="{speaker} {number}", takes=3):
  """A set of ../shared/data's layout with a tone per recording."""
  (folder / "audio").mkdir(parents=True)
  rows = ["path\tspeaker\ttext\tsplit"]
  rng = np.random.default_rng(0)
  for split, speakers in speakers_of.items():
    for speaker in speakers:
      for number in range(takes):
        path = folder / "audio" / f"{speaker}-{number}.flac"
        soundfile.write(path, rng.normal(0, 0.1, 3000 + 100 * number), RATE)
        words = text.format(speaker=speaker, number=number)
        rows.append(f"audio/{path.name}\t{speaker}\t{words}\t{split}")
  (folder / f"{folder.name}.tsv").write_text("\n".join(rows) + "\n")


def splits_of(found):
  return {"train": found.train, "dev": found.dev, "test": found.test}


def assert_usable(found):
  for sources in splits_of(found).values():
    for source in sources.values():
      assert isinstance(source, Source) and len(source) and source.sample_rate == RATE
      example = source[len(source) - 1]
      assert example.text and len(example.samples) / RATE == pytest.approx(
        source.seconds(len(source) - 1), abs=1e-3
      )
  people = [
    {source.speaker(n) for source in sources.values() for n in range(len(source))}
    for sources in splits_of(found).values()
  ]
  assert not people[0] & people[1] and not people[0] & people[2] and not people[1] & people[2]


PEOPLE = {"train": ["a", "b"], "dev": ["c"], "test": ["d"]}


def test_a_given_folder_comes_first(tmp_path, offline):
  write_set(tmp_path / "mine", PEOPLE)
  write_set(tmp_path / "shared" / "digits", PEOPLE)
  (tmp_path / "mine" / "audio" / "a-0.flac").write_bytes(b"broken")
  found = resolve(
    data_dir=tmp_path / "mine",
    shared=tmp_path / "shared",
    cache_dir=tmp_path / "cache",
    online=True,
    sample_rate=RATE,
  )
  assert_usable(found)
  assert found.kind == "own" and not found.synthetic
  assert {name: list(each) for name, each in splits_of(found).items()} == {
    "train": ["own"],
    "dev": ["own"],
    "test": ["own"],
  }
  assert "recorded: " in found.description and "by the manifest's split column" in found.description
  assert "11 utterances used, 1 left out: 1 unreadable audio" in found.description
  assert found.report.rejected[0].path.endswith("a-0.flac")


def test_a_given_folder_that_is_unusable_is_an_error(tmp_path, offline):
  with pytest.raises(ManifestError, match="no data at"):
    resolve(
      data_dir=tmp_path / "typo",
      shared=None,
      cache_dir=tmp_path,
      online=True,
      sample_rate=RATE,
    )


def test_texts_of_a_given_folder_are_plain_words(tmp_path, offline):
  """As data.prepare makes them: case and points would part one word into several."""
  write_set(tmp_path / "mine", PEOPLE, text="Take {number}, please!")
  table = tmp_path / "mine" / "mine.tsv"
  table.write_text(table.read_text().replace("Take 0, please!", "?!", 1))
  found = resolve(
    data_dir=tmp_path / "mine", shared=None, cache_dir=tmp_path, online=False, sample_rate=RATE
  )
  said = {
    each.text(item)
    for (each,) in map(dict.values, splits_of(found).values())
    for item in range(len(each))
  }
  assert said == {"take 0 please", "take 1 please", "take 2 please"}
  assert "1 left out: 1 no words in its transcript" in found.description


def test_the_folder_above_a_prepared_corpus_names_it(tmp_path, offline):
  """What was given to a builder as --data_dir, given to a launcher as --data_dir."""
  corpus = tmp_path / "libri_speech_flac" / "clean100" / "1.0.0"
  corpus.mkdir(parents=True)
  for name in ("features.json", "dataset_info.json"):
    (corpus / name).write_text("{}")
  with pytest.raises(ManifestError, match=f"holds prepared corpora; give one: {corpus}"):
    resolve(data_dir=tmp_path, shared=None, cache_dir=tmp_path, online=True, sample_rate=RATE)


def test_the_sets_beside_the_repository(tmp_path, offline):
  write_set(tmp_path / "commands", PEOPLE, text="brew a latte")
  write_set(tmp_path / "digits", PEOPLE, text="one", takes=12)
  arguments = dict(
    data_dir=None, shared=tmp_path, cache_dir=tmp_path / "cache", online=True, sample_rate=RATE
  )
  found = resolve(**arguments)
  assert_usable(found)
  assert found.kind == "shared" and not found.synthetic
  assert set(found.train) == {"commands", "strings"}
  assert set(found.dev) == set(found.test) == {"commands", "strings"}
  assert "joined from single recordings" in found.description
  spoken = [
    part for n in range(len(found.test["strings"])) for part in found.test["strings"].parts(n)
  ]
  assert sorted(spoken) == list(range(12))  # every recording once
  again = resolve(**arguments, seed=5)
  assert again.description == found.description
  assert again.test["strings"].parts(0) == found.test["strings"].parts(0)
  assert again.train["strings"].parts(0) != found.train["strings"].parts(0)
  for index in range(3):  # the second time from what the first time kept
    np.testing.assert_array_equal(
      again.train["commands"][index].samples, found.train["commands"][index].samples
    )


def write_read(folder, speakers_of):
  """Sentences and, by every speaker, one digit string."""
  write_set(folder, speakers_of, text="the {number} of {speaker}", takes=9)
  rows = (folder / "read.tsv").read_text().splitlines()
  said = [row.replace(f"the 4 of {row.split(chr(9))[1]}", "nine one") for row in rows[1:]]
  (folder / "read.tsv").write_text("\n".join([rows[0], *said]) + "\n")


def test_three_domains(tmp_path, offline):
  write_set(tmp_path / "commands", PEOPLE, text="brew a latte")
  write_set(tmp_path / "digits", PEOPLE, text="one", takes=12)
  write_read(tmp_path / "read", PEOPLE)
  found = resolve(
    data_dir=None,
    shared=tmp_path,
    cache_dir=tmp_path / "cache",
    online=True,
    sample_rate=RATE,
    domains=("commands", "read", "telephony"),
  )
  assert_usable(found)
  spoken = {"commands", "read", "telephony"}
  assert set(found.train) == spoken | {"long", "strings", "read_digits"}
  assert set(found.dev) == spoken
  assert set(found.test) == spoken | {"long", "read_digits"}
  assert found.apart == {"long", "read_digits"}
  test = found.test
  assert [test["read_digits"].text(n) for n in range(len(test["read_digits"]))] == ["nine one"]
  said = [test["read"].text(n) for n in range(len(test["read"]))]
  assert sorted(said) == sorted(f"the {n} of d" for n in (0, 1, 2, 3, 5, 6, 7, 8))
  joined = [sentence for n in range(len(test["long"])) for sentence in test["long"].parts(n)]
  assert sorted(joined) == list(range(8)) and len(test["long"]) <= 2  # the same words, joined
  assert found.train["read"].text(4) == "nine one"  # what is said in training stays there
  plain = resolve(
    data_dir=None,
    shared=tmp_path,
    cache_dir=tmp_path / "cache",
    online=True,
    sample_rate=RATE,
    domains=("strings",),
  )
  assert set(plain.train) == set(plain.test) == {"strings"}
  for name in ("train", "dev", "test"):
    clean, line = splits_of(plain)[name]["strings"], splits_of(found)[name]["telephony"]
    assert line.id(0) == f"{clean.id(0)}-by-telephone"
    np.testing.assert_array_equal(line[0].samples, telephone_band(clean[0].samples, RATE))


def test_digit_strings_of_read_are_dealt_anew_where_their_words_are_known(
  monkeypatch, tmp_path, offline
):
  write_read(tmp_path / "read", PEOPLE)
  arguments = dict(
    data_dir=None, shared=tmp_path, cache_dir=tmp_path / "cache", online=True, sample_rate=RATE
  )
  domains_asked = ("read", "read_strings")
  unknown = resolve(**arguments, domains=domains_asked)
  assert "read_strings" not in unknown.train
  known, others = unknown.train["read_digits"], unknown.train["read"].id(0)
  end = known.seconds(0)
  table = {known.id(0): (0.0, 0.4 * end, end), known.id(1): (0.0, end), others: (0.0, end)}
  monkeypatch.setattr(domains, "word_borders", lambda: table)
  found = resolve(**arguments, domains=domains_asked)
  assert "cut into words and joined anew" in found.description
  assert "read_strings" not in found.dev | found.test
  strings = found.train["read_strings"]
  said = [word for n in range(len(strings)) for word in strings.text(n).split()]
  assert sorted(set(said)) == ["nine", "one"] and len(said) == 2 * domains.TRAIN_PASSES
  assert {strings.speaker(n) for n in range(len(strings))} == {known.speaker(0)}
  single = next(n for n in range(len(strings)) if strings.text(n) == "nine")
  (begin, stop), samples = strings[single].words[0], strings[single].samples
  np.testing.assert_array_equal(samples[begin:stop], known[0].samples[: round(0.4 * end * RATE)])
  assert "read_strings" not in resolve(**arguments, domains=("read",)).train


def test_unknown_domains_are_an_error(tmp_path):
  arguments = dict(data_dir=None, shared=tmp_path, cache_dir=tmp_path, online=False)
  with pytest.raises(NoSpeech, match=r"'telefony'.*expected some of commands, strings, telephony"):
    resolve(**arguments, sample_rate=RATE, domains=("telefony",))


def test_real_digits(shared_data, tmp_path, offline):
  """All of the test speaker's recordings, some of the others'."""
  header, *rows = (shared_data / "digits" / "digits.tsv").read_text().splitlines()
  chosen = [row for row in rows if "\ttest\t" in row or "_7.flac" in row]
  (tmp_path / "digits").mkdir()
  (tmp_path / "digits" / "audio").symlink_to(shared_data / "digits" / "audio")
  (tmp_path / "digits" / "digits.tsv").write_text("\n".join([header, *chosen]) + "\n")
  found = resolve(
    data_dir=None, shared=tmp_path, cache_dir=tmp_path, online=False, sample_rate=RATE
  )
  train = found.train["strings"]
  said = [word for index in range(len(train)) for word in train.text(index).split()]
  assert len(said) == 30 * domains.TRAIN_PASSES and found.report.rejected == ()
  test = found.test["strings"]
  assert 100 <= len(test) <= 150
  assert {test.speaker(index) for index in range(len(test))} == {"theo"}
  assert sum(len(test.text(index).split()) for index in range(len(test))) == 500


def test_spoken_digits_from_the_network_then_from_disk(
  monkeypatch, tmp_path, publish, digit_archive, web
):
  monkeypatch.setattr(spoken_digit, "ARCHIVE", publish(digit_archive(takes=3)))
  arguments = dict(
    data_dir=None, shared=tmp_path / "none", cache_dir=tmp_path / "cache", sample_rate=RATE
  )
  found = resolve(**arguments, online=True)
  assert_usable(found)
  assert found.kind == "spoken_digit" and not found.synthetic
  assert set(found.train) == set(found.dev) == {"strings"}
  assert "Free Spoken Digit Dataset" in found.description
  offline = resolve(**arguments, online=False)
  assert offline.description == found.description and len(web.requests) == 1


def test_synthetic_speech_when_nothing_else_is_there(monkeypatch, tmp_path, unreachable):
  if importlib.util.find_spec("espeakng_loader") is None:
    pytest.skip("needs the wheel espeakng-loader: pip install espeakng-loader")
  monkeypatch.setattr(spoken_digit, "ARCHIVE", unreachable)
  monkeypatch.setattr(at_hand, "synthetic", few_synthetic)
  found = resolve(data_dir=None, shared=None, cache_dir=tmp_path, online=True, sample_rate=RATE)
  assert_usable(found)
  assert found.kind == "synthetic" and found.synthetic
  assert set(found.train) == set(found.dev) == {"strings", "commands"}
  assert found.description.startswith("SYNTHETIC: made by espeak-ng, not recorded speech (46 ")
  assert "spoken digits: could not download http://127.0.0.1:9/" in found.description


def few_synthetic(*args, **kwargs):
  return corpora.synthetic(*args, **kwargs, train=8, heldout=3)


def test_nothing_at_all_says_what_was_tried(monkeypatch, tmp_path):
  def missing(*args, **kwargs):
    raise SynthesizerMissing("pip install espeakng-loader")

  monkeypatch.setattr(at_hand, "synthetic", missing)
  with pytest.raises(NoSpeech, match=r"(?s)no data_dir.*stay offline.*pip install espeakng-loader"):
    resolve(data_dir=None, shared=None, cache_dir=tmp_path, online=False, sample_rate=RATE)
