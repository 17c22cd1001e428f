"""mu-law against libsndfile's own G.711 codec, and against the law's closed form."""

import numpy as np
import soundfile

from edge_rnnt.audio.mulaw import BIAS, CLIP, FULL_SCALE, mu_law

# Every 14-bit sample there is.
ALL = np.arange(-FULL_SCALE, FULL_SCALE, dtype=np.float32) / np.float32(FULL_SCALE)


def test_equals_libsndfile(tmp_path):
  path = tmp_path / "line.wav"
  soundfile.write(path, (ALL * 32768).astype(np.int16), 8000, subtype="ULAW")
  want, _ = soundfile.read(path, dtype="float32")
  np.testing.assert_array_equal(np.abs(mu_law(ALL)), np.abs(want))
  nonzero = want != 0
  np.testing.assert_array_equal(mu_law(ALL)[nonzero], want[nonzero])


def test_a_line_carries_255_values_and_returns_them_unchanged():
  once = mu_law(ALL)
  assert len(np.unique(np.abs(once))) == 128
  np.testing.assert_array_equal(mu_law(once), once)
  np.testing.assert_array_equal(mu_law(-ALL), -once)


def test_error_follows_the_logarithmic_law():
  """32 steps to a factor of e... of (|x| + bias): half a step is at most 1/32 of it."""
  inside = ALL[np.abs(ALL) * FULL_SCALE <= CLIP]
  error = np.abs(mu_law(inside) - inside)
  assert (error <= (np.abs(inside) + BIAS / FULL_SCALE) / 32 + 1e-7).all()


def test_loud_samples_are_clipped():
  assert mu_law(np.float32([5, -5])).tolist() == [8031 / 8192, -8031 / 8192]


def test_speech_levels_have_the_published_ratio():
  """A sine stays 33 dB and more above the coding noise over 30 dB of level (ITU-T G.712)."""
  time = np.arange(80_000) / 8000
  for decibels in [0, -10, -20, -30]:
    sine = (10 ** (decibels / 20) * np.sin(2 * np.pi * 1020.3 * time)).astype(np.float32)
    noise = mu_law(sine) - sine
    assert 33 < 10 * np.log10((sine**2).sum() / (noise**2).sum()) < 41
