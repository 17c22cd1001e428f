"""The flite synthesizer with the voices built into it: a program that speaks a list, as espeak.py.

    python data/flite.py < request.json > samples.npy

Its voices are cut from recordings of people (Carnegie Mellon University, free licences), and so
nearer to people than espeak-ng's formants, but few. Debian: apt-get install flite.
"""

import io
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import soundfile
import soxr

WORDS_PER_MINUTE = 200  # of digits: about what the voices say unasked
VOICES = ("kal16", "awb", "rms", "slt")
OCTAVE = 100  # steps of pitch


def say(
  text: str, voice: str, words_per_minute: int, pitch: int, seed: int, sample_rate: int
) -> np.ndarray:
  """int16 samples [N]. pitch 0..100: 50 is the voice's own, 100 half an octave above it.

  The best of its voices can't change their pitch alone: they are played faster or slower, which
  makes of each a taller or a shorter person, and are told to speak that much slower or faster.

  Nothing is left to chance in it, so the seed plays no part. Raises ValueError for an unknown
  voice, RuntimeError if flite fails.
  """
  del seed
  if voice not in VOICES:
    raise ValueError(f"flite has no voice {voice!r}: {', '.join(VOICES)}")
  faster = 2 ** ((pitch - 50) / OCTAVE)
  stretch = f"duration_stretch={faster * WORDS_PER_MINUTE / words_per_minute:.4f}"
  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / "spoken.wav"
    # Apart: flite takes no notice of --setf=NAME=VALUE.
    command = ["flite", "-voice", voice, "--setf", stretch, "-t", text, "-o", str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode or not path.exists():
      raise RuntimeError(f"flite failed (status {ran.returncode}): {ran.stderr.strip()[-200:]}")
    samples, rate = soundfile.read(path, dtype="float32")
  scaled = np.round(32767 * soxr.resample(samples, faster * rate, sample_rate))
  return np.clip(scaled, -32768, 32767).astype(np.int16)


def main() -> None:
  request = json.load(sys.stdin)
  spoken = [say(**each, sample_rate=request["sample_rate"]) for each in request["utterances"]]
  packed = io.BytesIO()
  np.save(packed, np.array([len(each) for each in spoken], np.int64))
  np.save(packed, np.concatenate([np.zeros(0, np.int16), *spoken]))
  sys.stdout.buffer.write(packed.getvalue())


if __name__ == "__main__":
  main()
