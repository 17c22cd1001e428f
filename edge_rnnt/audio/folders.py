"""The files in a folder and its folders, links followed, each folder once."""

import collections
import os
import pathlib
from collections.abc import Iterator


def files_below(folder: str | os.PathLike, lost: list[OSError]) -> Iterator[pathlib.Path]:
  """All that lies below the folder and is no folder itself (a link to nothing, too).

  A folder that links lead to is taken once, under its own name where it lies below `folder`, so
  circles end. Folders that cannot be listed are added to `lost`.
  """
  known: set[tuple[int, int]] = set()
  waiting = collections.deque([os.fspath(folder)])  # what links lead to comes last
  while waiting:
    for place, inside, names in os.walk(waiting.popleft(), onerror=lost.append):
      status = os.stat(place)
      if (status.st_dev, status.st_ino) in known:
        inside.clear()
        continue
      known.add((status.st_dev, status.st_ino))
      yield from (pathlib.Path(place, name) for name in names)
      below = (os.path.join(place, name) for name in sorted(inside))
      waiting.extend(each for each in below if os.path.islink(each))
