"""Writes what lhotse itself makes of two recordings: cuts, a Kaldi directory, and what is in them.

  python tests/inputs/goldens/lhotse_lists.py      (needs lhotse 1.33 and torch; not a dependency)

The recordings are made again by the test; only text is kept: cuts.jsonl, changed.jsonl (at another
speed), kaldi/, and expected.json.
"""

import json
import os
import pathlib
import shutil
import tempfile

import numpy as np
import soundfile

HERE = pathlib.Path(__file__).resolve().parent


def write_recordings(folder: pathlib.Path) -> None:
  """mono.wav (3 s at 8 kHz) and stereo.flac (2 s at 16 kHz): every sample is its own number."""
  rng = np.random.default_rng(0)
  soundfile.write(folder / "mono.wav", rng.integers(-9000, 9000, 24000).astype(np.int16), 8000)
  stereo = rng.integers(-9000, 9000, (32000, 2)).astype(np.int16)
  soundfile.write(folder / "stereo.flac", stereo, 16000)


def main() -> None:
  import lhotse
  from lhotse.kaldi import export_to_kaldi

  os.chdir(tempfile.mkdtemp())
  write_recordings(pathlib.Path())
  mono = lhotse.Recording.from_file("mono.wav")
  stereo = lhotse.Recording.from_file("stereo.flac")
  said = [
    ("mono-a", mono, 0.25, 0.75, 0, "grüß  gott", "anna"),
    ("mono-b", mono, 1.5, 1.25, 0, "it's two", "bert"),
    ("stereo-a", stereo, 0.0, 1.0, 0, "left side", "anna"),
    ("stereo-b", stereo, 0.5, 1.5, 1, "right side", "carl"),
  ]
  supervisions = lhotse.SupervisionSet.from_segments(
    lhotse.SupervisionSegment(id, each.id, begin, length, channel, text, "en", speaker)
    for id, each, begin, length, channel, text, speaker in said
  )
  recordings = lhotse.RecordingSet.from_recordings([mono, stereo])
  whole = lhotse.CutSet.from_manifests(recordings, supervisions)
  trimmed = whole.trim_to_supervisions(keep_overlapping=False).to_eager()
  resampled = trimmed.subset(first=1).resample(16000).map(lambda cut: cut.with_id("resampled"))
  both = whole.subset(first=1).map(lambda cut: cut.with_id("whole"))
  cuts = [*trimmed, *resampled, *both]
  lhotse.CutSet.from_cuts(cuts).to_file(HERE / "cuts.jsonl")
  trimmed.subset(first=1).perturb_speed(1.1).to_eager().to_file(HERE / "changed.jsonl")
  expected = [
    {
      "id": cut.id,
      "texts": [each.text for each in cut.supervisions],
      "speakers": [each.speaker for each in cut.supervisions],
      "samples": cut.num_samples,
      "rate": cut.sampling_rate,
      # 16-bit samples, where nothing is resampled.
      "first": [] if cut.id == "resampled" else first(cut.load_audio()),
    }
    for cut in cuts
  ]
  shutil.rmtree(HERE / "kaldi", ignore_errors=True)
  of_mono = supervisions.filter(lambda each: each.recording_id == mono.id)
  export_to_kaldi(lhotse.RecordingSet.from_recordings([mono]), of_mono, HERE / "kaldi")
  content = {"lhotse": lhotse.__version__, "cuts": expected}
  (HERE / "expected.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def first(audio: np.ndarray) -> list[int]:
  return np.round(audio[0, :4] * 32768).astype(int).tolist()


if __name__ == "__main__":
  main()
