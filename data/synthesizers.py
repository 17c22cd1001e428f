"""The programs that speak: whose voices they have, and what to install where one is missing.

Each is run as `python PROGRAM < request.json > samples.npy` (data/espeak.py).
"""

import dataclasses
import importlib.util
import pathlib
import shutil
from collections.abc import Callable, Mapping

from data import espeak, flite


@dataclasses.dataclass(frozen=True)
class Synthesizer:
  """A program and its voices; one voice is a speaker with an accent, `accent+speaker`."""

  name: str
  program: pathlib.Path
  speakers: Mapping[str, tuple[str, ...]]
  """By split: no voice is in two."""
  accents: tuple[str, ...]
  """All speakers have them all; ("",) where they have none to choose."""
  is_here: Callable[[], bool]
  install: str

  def voice(self, speaker: str, accent: str) -> str:
    """As its program names it."""
    return f"{accent}+{speaker}" if accent else speaker


# espeak-ng's variants that sound like people (no robots, whispers, croaks). A variant is a speaker.
_TRAIN_VARIANTS = """
Alex Andrea Andy Annie Denis Diogo Gene Henrique Hugo Jacky Lee Marco Mario Michael
Nguyen Reed adam anika antonio aunty benjamin boris caleb david ed edward f1 f3 f5
grandma gustave ian iven iven2 iven3 klatt klatt2 klatt4 m1 m2 m4 m5 m6 m8 marcelo max
michel miguel mike2 norbert pablo pedro quincy rob sandro shelby steph steph2 travis zac
"""
ESPEAK = Synthesizer(
  name="espeak-ng",
  program=pathlib.Path(espeak.__file__),
  speakers={
    "train": tuple(_TRAIN_VARIANTS.split()),
    "dev": ("Alicia", "f2", "john", "m3", "paul"),
    "test": ("belinda", "f4", "m7", "robert", "victor"),
  },
  accents=(
    "en",
    "en-us",
    "en-us-nyc",
    "en-gb-scotland",
    "en-gb-x-rp",
    "en-gb-x-gbclan",
    "en-gb-x-gbcwmd",
    "en-029",
  ),
  is_here=lambda: importlib.util.find_spec("espeakng_loader") is not None,
  install="the espeak-ng library: pip install espeakng-loader (GPL-3.0)",
)
FLITE = Synthesizer(
  name="flite",
  program=pathlib.Path(flite.__file__),
  speakers={"train": flite.VOICES},
  accents=("",),
  is_here=lambda: shutil.which("flite") is not None,
  install="the program flite: apt-get install flite",
)
