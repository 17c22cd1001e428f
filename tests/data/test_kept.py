"""What is kept comes back as it was; a damaged file counts as nothing kept."""

import numpy as np

from data.kept import keep, kept_path, read_kept


def test_round_trip(tmp_path):
  path = kept_path(tmp_path / "new", "decoded", ["a", 1])
  assert read_kept(path) is None
  recordings = {"b/ü": np.arange(5, dtype=np.int16), "a": np.arange(3, dtype=np.int16)}
  keep(path, recordings)
  again = read_kept(path)
  assert list(again) == ["b/ü", "a"]
  for name, samples in recordings.items():
    np.testing.assert_array_equal(again[name], samples)
  assert [each.name for each in path.parent.iterdir()] == [path.name]
  assert kept_path(tmp_path, "decoded", ["a", 2]).name != path.name


def test_nothing_at_all_can_be_kept(tmp_path):
  keep(tmp_path / "none.npz", {})
  assert read_kept(tmp_path / "none.npz") == {}


def test_a_damaged_file_is_removed(tmp_path):
  path = tmp_path / "x.npz"
  keep(path, {"a": np.arange(3000, dtype=np.int16)})
  path.write_bytes(path.read_bytes()[:500])
  assert read_kept(path) is None and not path.exists()
