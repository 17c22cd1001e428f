"""Where numbers come from: the packages and the machine that made them."""

import importlib.metadata
import os
import pathlib
import platform
import subprocess
import sys

PACKAGES = (
  "edge-rnnt",
  "jax",
  "jaxlib",
  "flax",
  "optax",
  "orbax-checkpoint",
  "grain",
  "numpy",
  "scipy",
  "sentencepiece",
  "kaldialign",
)


def versions() -> dict[str, str]:
  """Versions of Python and of the packages that numbers can depend on; those installed."""
  found = {"python": platform.python_version()}
  for name in PACKAGES:
    try:
      found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
      continue
  return found


def commit(checkout: pathlib.Path | None = None) -> str:
  """The commit of this program's code, with + where files differ from it; "" outside of Git."""
  checkout = checkout or pathlib.Path(__file__).resolve().parents[2]
  if not (checkout / ".git").exists():
    return ""
  try:
    name = _git(checkout, "rev-parse", "--short=12", "HEAD")
    changed = _git(checkout, "status", "--porcelain", "--untracked-files=no")
  except (OSError, subprocess.CalledProcessError):  # no git here, or no commit yet
    return ""
  return f"{name}{'+' if changed else ''}"


def _git(checkout: pathlib.Path, *arguments: str) -> str:
  command = ["git", "-C", str(checkout), *arguments]
  return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def machine() -> str:
  """Processor and number of cores that this process may use, in words."""
  usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
  return f"{_processor()}, {usable} core{'s' if usable != 1 else ''}, {platform.system()}"


def _processor() -> str:
  """The model's name on Linux, where platform.processor() seldom knows it."""
  listing = pathlib.Path("/proc/cpuinfo")
  if listing.is_file():
    for line in listing.read_text(errors="replace").splitlines():
      if line.lower().startswith("model name"):
        return line.partition(":")[2].strip()
  return platform.processor() or platform.machine()


def interpreter() -> str:
  """How to call this Python from here: a path within the working directory, else its name."""
  path = pathlib.Path(sys.executable)  # not resolved: a virtual environment is such a link
  here = pathlib.Path.cwd()
  return str(path.relative_to(here)) if path.is_relative_to(here) else "python"
