"""Augmentations measured: pitch, level, signal-to-noise ratio, pass-band, warp and masks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_rnnt.audio import augment
from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.audio.logmel import slaney_hz, slaney_mel

RATE = 8000


def noise(seconds=1.0, seed=0):
  rng = np.random.default_rng(seed)
  return (0.1 * rng.standard_normal(int(seconds * RATE))).astype(np.float32)


def tone(hz, seconds=1.0, amplitude=0.1, rate=RATE):
  return (amplitude * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)).astype(
    np.float32
  )


def decibels(samples):
  return 10 * np.log10(np.mean(samples.astype(np.float64) ** 2))


def pitch(samples):
  """Frequency of the strongest bin, to a fraction of a Hz."""
  windowed = samples * np.hanning(len(samples))
  return np.abs(np.fft.rfft(windowed, 16 * len(samples))).argmax() * RATE / (16 * len(samples))


@pytest.mark.parametrize("factor", [0.9, 1.0, 1.0371, 1.1])
def test_speed_shortens_and_raises_by_its_factor(factor):
  faster = augment.speed(tone(1000), factor)
  assert abs(len(faster) - RATE / factor) <= 1
  assert abs(pitch(faster) - 1000 * factor) < 0.5
  assert abs(decibels(faster) - decibels(tone(1000))) < 0.05


@pytest.mark.parametrize("factor", [0.4, 2.1])
def test_speeds_no_one_talks_at_are_refused(factor):
  with pytest.raises(ValueError, match=f"from 0.5 to 2, got {factor}"):
    augment.speed(tone(1000), factor)


def test_gain_is_in_decibels():
  for level in [-20.0, 0.0, 6.0]:
    assert abs(decibels(augment.gain(noise(), level)) - decibels(noise()) - level) < 1e-4


@given(length=st.integers(0, 300), recording=st.integers(1, 100), seed=st.integers(0, 99))
def test_an_excerpt_is_a_run_of_the_recording_or_goes_round_it(length, recording, seed):
  samples = np.arange(recording, dtype=np.float32)
  got = augment.excerpt(samples, length, np.random.default_rng(seed))
  assert len(got) == length
  steps = np.diff(got)
  if length <= recording:
    assert (steps == 1).all()
  else:
    assert ((steps == 1) | (steps == 1 - recording)).all()


def test_excerpts_come_from_everywhere():
  rng = np.random.default_rng(0)
  begins = [augment.excerpt(np.arange(10, dtype=np.float32), 8, rng)[0] for _ in range(100)]
  assert set(begins) == {0, 1, 2}
  with pytest.raises(ValueError, match="no samples"):
    augment.excerpt(np.zeros(0, np.float32), 8, rng)


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 20.0])
def test_noise_has_the_ratio_asked_for(snr_db):
  speech = tone(440)
  added = augment.add_noise(speech, noise(), snr_db) - speech
  assert abs(decibels(speech) - decibels(added) - snr_db) < 0.01
  np.testing.assert_allclose(
    added / np.abs(added).max(), noise() / np.abs(noise()).max(), atol=1e-5
  )


def test_silence_has_no_ratio_and_stays():
  silence = np.zeros(RATE, np.float32)
  np.testing.assert_array_equal(augment.add_noise(silence, noise(), 10.0), silence)
  np.testing.assert_array_equal(augment.add_noise(noise(), silence, 10.0), noise())


def test_noise_of_another_length_is_refused():
  with pytest.raises(ValueError, match=r"as long as the speech, 8000 samples, got 4000.*excerpt"):
    augment.add_noise(noise(), noise(0.5), 10.0)


def test_a_room_with_one_echo():
  """Direct sound after 5 samples, half as loud again 40 later: in place, echo added, level kept."""
  response = np.zeros(100, np.float32)
  response[5], response[45] = 0.8, 0.4
  dry = noise()
  want = dry.copy()
  want[40:] += 0.5 * dry[:-40]
  want *= np.sqrt((dry**2).sum() / (want**2).sum())
  wet = augment.reverberate(dry, response)
  np.testing.assert_allclose(wet, want, atol=1e-6)
  assert abs(decibels(wet) - decibels(dry)) < 1e-3


def test_rooms_at_their_edges():
  silence = np.zeros(100, np.float32)
  np.testing.assert_array_equal(augment.reverberate(silence, noise()), silence)
  with pytest.raises(ValueError, match="not zero"):
    augment.reverberate(noise(), silence)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_the_telephone_passes_its_band_and_no_more(rate):
  def loss(hz):
    """At the tone's own frequency: coding noise does not count."""
    sent = tone(hz, 2.0, 0.5, rate)
    heard = augment.telephone_band(sent, rate)[rate // 2 :]
    probe = np.exp(-2j * np.pi * hz * np.arange(len(heard)) / rate) * np.hanning(len(heard))
    amplitude = 4 * np.abs(probe @ heard) / len(heard)
    return -20 * np.log10(amplitude / 0.5)

  for hz in [350, 500, 1000, 2000, 3000, 3350]:
    assert abs(loss(hz)) < 1
  for hz in [60, 150, 3900]:
    assert loss(hz) > 20
  assert loss(100) > 40
  if rate == 16000:
    for hz in [4300, 6000, 7500]:
      assert loss(hz) > 50


def test_the_telephone_adds_its_coding_noise_within_the_band():
  sent = tone(1000, 2.0, 0.5, 16000)
  heard = augment.telephone_band(sent, 16000)[8000:]
  spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard)))) ** 2
  hz = np.fft.rfftfreq(len(heard), 1 / 16000)
  near = np.abs(hz - 1000) < 20
  inside = spectrum[~near & (hz > 300) & (hz < 3400)].sum()
  outside = spectrum[(hz > 4300) | (hz < 150)].sum()
  assert -45 < 10 * np.log10(inside / spectrum[near].sum()) < -35
  assert outside < 1e-3 * inside


def test_a_rate_too_low_for_a_telephone_is_refused():
  with pytest.raises(ValueError, match=r"300 to 3400 Hz.*above 6800, got 6000"):
    augment.telephone_band(noise(), 6000)


FRONT_END = FrontEnd(sample_rate=16000, num_mels=80)


def test_a_warp_by_one_changes_nothing():
  rows = FRONT_END.features(noise(2.0))
  np.testing.assert_allclose(augment.band_warp(rows, 1.0, FRONT_END), rows, atol=2e-4)


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_warp_moves_what_was_at_f_to_factor_times_f(factor):
  """The warped frame of a tone at f peaks where a tone at factor * f would."""
  for hz in [600, 1500, 3000, 5000]:
    was = FRONT_END.log_mel(tone(hz, 1.0, 0.3, 16000))[50:51]
    would = FRONT_END.log_mel(tone(factor * hz, 1.0, 0.3, 16000))[50:51]
    got = augment.band_warp(was, factor, FRONT_END)
    assert was.argmax() != would.argmax()
    assert got.argmax() == would.argmax()


@pytest.mark.parametrize("factor", [0.5, 0.8, 0.95, 1.05, 1.25, 2.0])
def test_every_band_reads_where_the_published_map_says(factor):
  """Bands numbered by their place read back the place that they came from."""
  ramp = np.arange(80, dtype=np.float32)[None]
  read = augment.band_warp(ramp, factor, FRONT_END)[0]
  width = float(slaney_mel(np.array(8000.0))) / 81
  bend = 0.85 * 8000 * min(factor, 1)
  for band in range(80):
    hz = float(slaney_hz(np.array((band + 1) * width)))
    if hz <= bend:
      source = hz / factor
    else:  # the straight line from (bend, bend / factor) to (8000, 8000)
      source = bend / factor + (hz - bend) * (8000 - bend / factor) / (8000 - bend)
    want = float(slaney_mel(np.array(source))) / width - 1
    assert abs(read[band] - min(max(want, 0), 79)) < 1e-3
  assert (np.diff(read) >= 0).all()


def test_stacked_rows_warp_as_their_frames_do():
  frames = FRONT_END.log_mel(noise(2.0))
  warped_after = augment.band_warp(FRONT_END.features(noise(2.0)), 1.07, FRONT_END)
  warped_before = augment.band_warp(frames, 1.07, FRONT_END)
  last_of_row = warped_after.reshape(len(warped_after), 4, 80)[:, -1]
  np.testing.assert_array_equal(last_of_row, warped_before[::3])


def test_warps_out_of_range_or_shape_are_refused():
  with pytest.raises(ValueError, match=r"from 0.5 to 2, got 3.0"):
    augment.band_warp(FRONT_END.features(noise()), 3.0, FRONT_END)
  with pytest.raises(ValueError, match="80 bands a frame, got 99 wide"):
    augment.band_warp(np.zeros((4, 99), np.float32), 1.1, FRONT_END)


def masked(rows=100, seed=0, **widths):
  settings = {"time_masks": 0, "time_width": 0, "mel_masks": 0, "mel_width": 0} | widths
  ones = np.ones((rows, 3 * 20), np.float32)
  rng = np.random.default_rng(seed)
  got = augment.spec_augment(ones, rng, **settings, num_mels=20, stack=3)
  assert ones.all()  # the input is not touched
  return got


def runs(zeros):
  """Lengths of the runs of True."""
  edges = np.flatnonzero(np.diff(np.r_[0, zeros.astype(int), 0]))
  return edges[1::2] - edges[::2]


def test_masks_of_time_blank_whole_rows_of_uniform_width():
  widths = []
  for seed in range(2000):
    got = masked(seed=seed, time_masks=1, time_width=10)
    gone = (got == 0).all(axis=1)
    np.testing.assert_array_equal(got[~gone], 1)
    widths.append(int(gone.sum()))
    assert len(runs(gone)) <= 1
  assert np.bincount(widths, minlength=11).min() > 0.06 * len(widths)  # 1/11 expected
  assert max(widths) == 10


def test_masks_of_mel_blank_the_same_bands_in_all_stacked_frames():
  seen = np.zeros(20, bool)
  for seed in range(300):
    got = masked(seed=seed, mel_masks=1, mel_width=5)
    by_band = got.reshape(100, 3, 20)
    gone = (by_band == 0).all(axis=(0, 1))
    assert (by_band[:, :, ~gone] == 1).all()
    assert gone.sum() <= 5
    seen |= gone
  assert seen.all()


def test_masks_add_up():
  counts = [len(runs((masked(seed=s, time_masks=3, time_width=6) == 0).all(1))) for s in range(100)]
  assert max(counts) == 3


def test_short_utterances_keep_most_of_their_rows():
  gone = [(masked(10, seed, time_masks=1, time_width=50) == 0).all(1).sum() for seed in range(200)]
  assert max(gone) == 2  # a fifth
  assert masked(0, time_masks=2, time_width=50, mel_masks=2, mel_width=9).shape == (0, 60)


def test_an_utterance_never_begins_with_many_masked_rows():
  leading = []
  for seed in range(400):
    gone = (masked(40, seed, time_masks=12, time_width=8) == 0).all(1)
    leading.append(int(np.argmin(gone)))
  assert max(leading) <= augment.LEADING and np.mean(np.array(leading) > 0) > 0.05


def test_the_same_generator_gives_the_same_masks():
  again = [masked(seed=7, time_masks=2, time_width=9, mel_masks=2, mel_width=5) for _ in range(2)]
  np.testing.assert_array_equal(*again)


def test_rows_of_another_width_are_refused():
  with pytest.raises(ValueError, match="4 x 20 bands are 80 wide, got 60"):
    augment.spec_augment(
      np.ones((5, 60), np.float32),
      np.random.default_rng(0),
      time_masks=1,
      time_width=1,
      mel_masks=1,
      mel_width=1,
      num_mels=20,
      stack=4,
    )
