"""The files of a published .tar.gz, streamed: nothing is extracted to disk."""

import pathlib
import tarfile
import zlib
from collections.abc import Callable, Iterator

from data.download import DownloadError


def streamed(archive: pathlib.Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
  """(name, content) of the archive's files whose name is wanted, in its order.

  Raises DownloadError for a damaged archive, naming it.
  """
  try:
    with tarfile.open(archive, "r|gz") as tar:
      for member in tar:
        name = member.name.removeprefix("./")
        if member.isfile() and wanted(name):
          yield name, tar.extractfile(member).read()
  except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
    raise DownloadError(f"{archive} is damaged ({error}): delete it and run again") from error
