"""Files that appear under their name when they are whole: a killed writer leaves what was there."""

import contextlib
import os
import pathlib
import tempfile
from collections.abc import Iterator
from typing import BinaryIO


@contextlib.contextmanager
def writing(path: str | os.PathLike) -> Iterator[BinaryIO]:
  """A new file that takes the place of `path` when the block ends, and is gone if it fails.

  It is on the disk by then. Several processes may write the same path: the last one stays.
  """
  path = pathlib.Path(path)
  prefix = f"{path.name}."
  with tempfile.NamedTemporaryFile(
    dir=path.parent, prefix=prefix, suffix=".part", delete=False
  ) as file:
    try:
      yield file
      file.flush()
      os.fsync(file.fileno())
      os.chmod(file.name, 0o644)
      os.replace(file.name, path)
    except BaseException:
      os.unlink(file.name)
      raise


def write_text(path: str | os.PathLike, text: str) -> None:
  """The text in UTF-8, whole or not at all."""
  with writing(path) as file:
    file.write(text.encode("utf-8"))
