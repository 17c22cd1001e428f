"""Which files are meant."""

import pathlib

import pytest

from edge_rnnt.device.transcribe.sources import Nothing, find

PLACES = [
  "b.wav",
  "a/z.FLAC",
  "a/deep/c.ogg",
  "a/._c.ogg",
  "a/notes.txt",
  "x[1].wav",
  "a.wav/d.wav",
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
  for place in PLACES:
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_bytes(b"")
  monkeypatch.chdir(tmp_path)
  return tmp_path


@pytest.mark.parametrize(
  ("paths", "files"),
  [
    (["."], ["a/deep/c.ogg", "a/z.FLAC", "a.wav/d.wav", "b.wav", "x[1].wav"]),
    (["b.wav", "a", "./b.wav"], ["b.wav", "a/deep/c.ogg", "a/z.FLAC"]),
    (["*.wav"], ["a.wav/d.wav", "b.wav", "x[1].wav"]),
    (["**/*.[ow][ga][gv]"], ["a/deep/c.ogg", "a.wav/d.wav", "b.wav", "x[1].wav"]),
    (["x[1].wav"], ["x[1].wav"]),  # it exists: no pattern
    (["missing.wav", "a/notes.txt"], ["missing.wav", "a/notes.txt"]),  # said when they are opened
    (["a*"], ["a/deep/c.ogg", "a/z.FLAC", "a.wav/d.wav"]),
  ],
)
def test_files_folders_and_patterns(folder, paths, files):
  found, wrong = find(paths)
  assert sorted(file.name for file in found) == sorted(files) and not wrong
  again, _ = find(paths)
  assert again == found


def test_a_folder_is_told_in_sorted_order_and_files_as_named(folder):
  found, _ = find(["x[1].wav", "a"])
  assert [file.name for file in found] == ["x[1].wav", "a/deep/c.ogg", "a/z.FLAC"]


def test_files_keep_their_place_below_the_folder_that_was_named(folder):
  found, _ = find([str(folder / "a"), "b.wav"])
  assert [file.relative for file in found] == [
    pathlib.Path("deep/c.ogg"),
    pathlib.Path("z.FLAC"),
    pathlib.Path("b.wav"),
  ]


@pytest.mark.parametrize(
  ("path", "said"), [("*.mp3", "no file matches"), ("empty", "no audio in"), ("", "an empty path")]
)
def test_what_means_no_file_is_said_and_the_rest_found(folder, path, said):
  (folder / "empty").mkdir()
  found, wrong = find([path, "b.wav"])
  assert [file.name for file in found] == ["b.wav"]
  assert len(wrong) == 1 and isinstance(wrong[0], Nothing)
  assert said in str(wrong[0]) and path in str(wrong[0])


def test_links_to_folders_are_followed_once(folder):
  (folder / "a" / "up").symlink_to("..")
  (folder / "linked").mkdir()
  (folder / "linked" / "to").symlink_to(folder / "a" / "deep")
  found, wrong = find(["linked"])
  assert [file.relative for file in found] == [pathlib.Path("to/c.ogg")] and not wrong
  found, _ = find(["a"])
  assert len({file.path.resolve() for file in found}) == len(found) == 5
