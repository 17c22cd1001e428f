"""An index of TFDS records, made without decoding; and what is wrong is found."""

import io

import numpy as np
import pytest
import soundfile

from edge_rnnt.inputs.dataset import Source
from edge_rnnt.inputs.records import TfdsSource, index_records
from edge_rnnt.inputs.shards import Entry


def flac(samples):
  file = io.BytesIO()
  soundfile.write(file, samples, 8000, format="FLAC")
  return file.getvalue()


@pytest.fixture
def decoded():
  rng = np.random.default_rng(0)
  return [
    {
      "audio": rng.integers(-3000, 3000, 900 + n).astype(np.int16),
      "text": f"text {n}".encode(),
      "speaker": np.int64(84 + n % 2),  # as the official LibriSpeech has them
      "id": f"r{n}".encode(),
    }
    for n in range(5)
  ]


def test_the_index_of_files_is_that_of_samples(decoded):
  stored = [each | {"audio": flac(each["audio"])} for each in decoded]
  index = index_records(iter(stored))
  assert index == index_records(decoded)
  assert index[3] == Entry("", 3, 903, "85", "r3", "text 3")


def test_nothing_is_read_before_it_is_asked_for(decoded):
  asked = []

  class Counting(list):
    def __getitem__(self, index):
      asked.append(index)
      return super().__getitem__(index)

  records = Counting(decoded)
  source = TfdsSource(records, index_records(decoded), 8000, 8000)
  assert isinstance(source, Source) and len(source) == 5
  assert [source.seconds(n) for n in range(5)] == [(900 + n) / 8000 for n in range(5)]
  assert (source.id(2), source.text(2), source.speaker(2)) == ("r2", "text 2", "84")
  assert asked == []
  for _ in range(2):
    np.testing.assert_array_equal(source[2].samples * 32768, decoded[2]["audio"])
  assert asked == [2]


def test_the_wrong_index_is_found(decoded):
  index = index_records(decoded)
  with pytest.raises(ValueError, match="the index is of 4 records, there are 5"):
    TfdsSource(decoded, index[:4], 8000, 8000)
  source = TfdsSource(decoded, index[::-1], 8000, 8000)
  with pytest.raises(ValueError, match="record 0 is r0 of 900 samples, the index says r4 of 904"):
    source[0]


def test_records_of_another_kind_are_refused():
  with pytest.raises(ValueError, match="record 0 has no text and speaker, only audio, id, label"):
    index_records([{"audio": np.zeros(9, np.int16), "label": 3, "id": "x"}])
