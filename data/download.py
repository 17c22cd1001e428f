"""One file from the network, whole and checked, or an error that says what to do."""

import dataclasses
import hashlib
import http.client
import pathlib
import urllib.error
import urllib.request
from collections.abc import Callable

BLOCK = 1 << 16


@dataclasses.dataclass(frozen=True)
class Archive:
  """A published file. `sha256` and `size` (bytes) are what it must turn out to be."""

  url: str
  sha256: str
  size: int

  @property
  def name(self) -> str:
    return self.url.rsplit("/", 1)[-1]


class DownloadError(RuntimeError):
  """The file could not be had; the message names the address, what happened and what to do."""


def download(
  archive: Archive,
  folder: pathlib.Path,
  *,
  timeout: float | int = 15,
  progress: Callable[[int, int], None] | None = None,
) -> pathlib.Path:
  """The archive's path in `folder`, downloaded unless it is there; `progress(done, size)` in bytes.

  A killed download leaves a .part file that the next call continues. Raises DownloadError if the
  network fails or stays silent for `timeout` seconds, or if what came is not what was published
  (it is then deleted; what was there before is somebody's and stays).
  """
  target = folder / archive.name
  if target.exists():
    if wrong := _wrong(archive, target):
      raise DownloadError(
        f"{target} is not what {archive.url} published: {wrong}. Put the right one there, or "
        "remove it to download it anew"
      )
  else:
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{archive.name}.part"
    try:
      _fetch(archive, part, timeout, progress)
    except (OSError, http.client.HTTPException) as error:
      raise DownloadError(
        f"could not download {archive.url}: {error}. Is this machine online? "
        f"The file can also be put by hand at {target}"
      ) from error
    if part.stat().st_size < archive.size:
      raise DownloadError(
        f"{archive.url} broke off after {part.stat().st_size} of {archive.size} bytes: "
        "run again to continue"
      )
    if wrong := _wrong(archive, part):
      part.unlink()
      raise DownloadError(
        f"{archive.url} gave something else than was published: {wrong}. It has been deleted: run "
        "again to download it anew"
      )
    part.replace(target)
  return target


def _fetch(archive, part: pathlib.Path, timeout, progress) -> None:
  done = part.stat().st_size if part.exists() else 0
  request = urllib.request.Request(archive.url, headers={"User-Agent": "edge-rnnt"})
  if done:
    request.add_header("Range", f"bytes={done}-")
  try:
    response = urllib.request.urlopen(request, timeout=timeout)
  except urllib.error.HTTPError as error:
    if error.code != 416:  # the part is longer than the file: it is of something else
      raise
    part.unlink()
    return _fetch(archive, part, timeout, progress)
  with response, part.open("ab" if response.status == 206 else "wb") as file:
    while block := response.read(BLOCK):
      file.write(block)
      if progress:
        progress(file.tell(), archive.size)
  return None


def _wrong(archive: Archive, path: pathlib.Path) -> str:
  """How the file differs from what was published; "" if it doesn't."""
  with path.open("rb") as file:
    found = hashlib.file_digest(file, "sha256").hexdigest()
  if found == archive.sha256:
    return ""
  return (
    f"{path.stat().st_size} bytes with sha256 {found}, expected {archive.size} bytes with "
    f"{archive.sha256}"
  )
