"""Under what the recordings of ../shared/data may be used, whom to name, and what else to know of
them: by set of speech.
"""

from collections.abc import Iterable

COMMANDS = "commands: Picovoice speech-to-intent-benchmark, Apache-2.0"
DIGITS = "{names}: Free Spoken Digit Dataset, CC BY-SA 4.0"
READ = (
  "{names}: speechocean762, free for commercial and non-commercial use (Zhang et al., "
  "speechocean762: An Open-Source Non-native English Speech Corpus for Pronunciation Assessment, "
  "Interspeech 2021)"
)
ESPEAK = (
  "{names}: synthesized by espeak-ng (GPL-3.0, a tool that made training data; nothing of it is in "
  "a model)"
)
FLITE = (
  "{names}: synthesized by flite with its own voices (Carnegie Mellon University, free to use with "
  "its name kept)"
)
SOURCES = {
  COMMANDS: ("commands",),
  DIGITS: ("strings", "telephony"),
  READ: ("read", "long", "read_digits", "read_strings"),
}

CAVEATS = {
  COMMANDS: "commands: speakers are clusters of like voices, a few of whom may be on both sides of "
  "a split; what is ordered is sure, but a few percent of the texts may begin with other words "
  "than were said."
}


def licences(names: Iterable[str]) -> tuple[str, ...]:
  """A line for each source that sets of these names are made of."""
  names = list(dict.fromkeys(names))
  made = {text: [name for name in names if name in members] for text, members in SOURCES.items()}
  synthetic = [name for name in names if name.startswith("synthetic-")]
  made[FLITE] = [name for name in synthetic if name.startswith("synthetic-flite-")]
  made[ESPEAK] = [name for name in synthetic if name not in made[FLITE]]
  return tuple(text.format(names=", ".join(found)) for text, found in made.items() if found)


def caveats(lines: Iterable[str]) -> tuple[str, ...]:
  """What to know of sources with these licences before their figures are believed."""
  return tuple(CAVEATS[line] for line in lines if line in CAVEATS)
