"""A file comes whole and checked, or an error says what to do."""

import pytest

from data.download import Archive, DownloadError, download


def test_download_once(web, publish, tmp_path):
  content, heard = bytes(range(256)) * 1000, []
  archive = publish(content, "file.bin")
  path = download(archive, tmp_path / "new", progress=lambda done, size: heard.append((done, size)))
  assert path == tmp_path / "new" / "file.bin" and path.read_bytes() == content
  assert heard[-1] == (256_000, 256_000)
  assert download(archive, tmp_path / "new") == path
  assert len(web.requests) == 1


def test_a_broken_download_is_continued(web, publish, tmp_path):
  content = bytes(range(256)) * 1000
  archive = publish(content, "file.bin")
  web.cut = 100_000
  with pytest.raises(DownloadError, match="broke off after 100000 of 256000 bytes"):
    download(archive, tmp_path)
  web.cut = None
  assert download(archive, tmp_path).read_bytes() == content
  assert web.requests[-1][1] == "bytes=100000-"
  assert [each.name for each in tmp_path.iterdir()] == ["file.bin"]


def test_a_part_of_something_longer_is_thrown_away(publish, tmp_path):
  archive = publish(b"short", "file.bin")
  (tmp_path / "file.bin.part").write_bytes(b"something much longer")
  assert download(archive, tmp_path).read_bytes() == b"short"


def test_another_file_than_published_is_refused_and_deleted(web, publish, tmp_path):
  archive = publish(b"what was published", "file.bin")
  web.files["file.bin"] = b"what an attacker put there"
  with pytest.raises(DownloadError, match=r"26 bytes with sha256 [0-9a-f]{64}, expected 18 bytes"):
    download(archive, tmp_path)
  assert not list(tmp_path.iterdir())


def test_no_network_says_what_to_do(unreachable, web, tmp_path):
  with pytest.raises(DownloadError, match=r"refused.*Is this machine online\?"):
    download(unreachable, tmp_path)
  with pytest.raises(DownloadError, match=r"404"):
    download(Archive(f"{web.url}/gone", "0", 1), tmp_path)
