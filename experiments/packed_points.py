"""A sweep's results in one small file: what each point measured, with which config, and heard.

  mkdir -p runs/study && tar -xJf docs/study/points.tar.xz -C runs/study

Unpacked into a workdir, its points count as finished: the sweep goes on after them, the page can be
written again, and every WER be counted again from the hypotheses. Weights are not in it, so a point
that begins with another's needs that one run again.
"""

import pathlib
import tarfile

from edge_rnnt import whole
from experiments import collect

OF_A_SWEEP = ("sweep.json", "device.json")


def pack(workdir: pathlib.Path, archive: pathlib.Path) -> None:
  """Writes the archive of all points that have finished. Equal results give equal bytes.

  Raises ResultsError if none has, or one cannot be read.
  """
  files = [path for name in OF_A_SWEEP if (path := workdir / name).exists()]
  for point in collect.finished(workdir):
    heard = sorted({row.hypotheses for row in point.found.rows})
    files += [point.folder / name for name in ("config.json", "results.json", *heard)]
  with whole.writing(archive) as file, tarfile.open(fileobj=file, mode="w:xz") as packed:
    for path in files:
      packed.add(path, path.relative_to(workdir), filter=_anonymous)


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
  """Neither who wrote it nor when."""
  info.uid = info.gid = info.mtime = 0
  info.uname = info.gname = ""
  info.mode = 0o644
  return info
