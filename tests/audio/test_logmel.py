"""The log-mel kernel against a slow float64 reference, kaldi-native-fbank, and closed forms."""

import kaldi_native_fbank
import numpy as np
import pytest
import soundfile

from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.audio.logmel import LogMel, mel_triangles, slaney_hz, slaney_mel

SETTINGS = [(16000, 80), (16000, 128), (8000, 40)]


def speech_like(seconds, sample_rate, seed=0):
  """Pulses through a moving resonance, pauses between: loud and faint bands, as speech has them."""
  rng = np.random.default_rng(seed)
  n = int(seconds * sample_rate)
  time = np.arange(n) / sample_rate
  pitch = 2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * time)) / sample_rate
  voiced = sum(np.sin(k * pitch) / k**1.5 for k in range(1, 25))
  envelope = np.clip(np.sin(2 * np.pi * 1.7 * time), 0, 1)
  return (0.2 * envelope * voiced + 1e-3 * rng.standard_normal(n)).astype(np.float32)


def kaldi_log_mel(samples, sample_rate, num_mels):
  """kaldi-native-fbank with the options that sherpa-onnx sets for its NeMo transducers."""
  options = kaldi_native_fbank.FbankOptions()
  frame, mel = options.frame_opts, options.mel_opts
  frame.samp_freq, frame.dither, frame.preemph_coeff = sample_rate, 0, 0.97
  frame.remove_dc_offset, frame.snip_edges, frame.window_type = False, False, "hann"
  mel.num_bins, mel.low_freq, mel.high_freq, mel.is_librosa = num_mels, 0, sample_rate / 2, True
  bank = kaldi_native_fbank.OnlineFbank(options)
  bank.accept_waveform(sample_rate, samples)
  bank.input_finished()
  return np.array([bank.get_frame(i) for i in range(bank.num_frames_ready)])


def slow_log_mel(samples, sample_rate, num_mels):
  """The definition, frame by frame and sample by sample, in float64."""
  window, hop, n = sample_rate * 25 // 1000, sample_rate // 100, len(samples)
  fft = 1
  while fft < window:
    fft *= 2
  basis = np.exp(-2j * np.pi * np.outer(np.arange(fft // 2 + 1), np.arange(window)) / fft)
  weights = mel_triangles(sample_rate, num_mels, 0.0, sample_rate / 2).astype(float)
  rows = []
  for f in range((n + hop // 2) // hop):
    frame = np.zeros(window)
    for i in range(window):
      at = f * hop + hop // 2 - window // 2 + i
      while not 0 <= at < n:
        at = -1 - at if at < 0 else 2 * n - 1 - at
      frame[i] = samples[at]
    emphasized = np.append(0.03 * frame[0], frame[1:] - 0.97 * frame[:-1])
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    power = np.abs(basis @ (emphasized * hann)) ** 2
    rows.append(np.log(np.maximum(weights @ power, np.finfo(np.float32).eps)))
  return np.array(rows)


@pytest.mark.parametrize(("sample_rate", "num_mels"), SETTINGS)
def test_equals_the_definition(sample_rate, num_mels):
  samples = speech_like(0.4, sample_rate)
  got = FrontEnd(sample_rate=sample_rate, num_mels=num_mels).log_mel(samples)
  np.testing.assert_allclose(got, slow_log_mel(samples, sample_rate, num_mels), atol=2e-4)


@pytest.mark.parametrize(("sample_rate", "num_mels"), [*SETTINGS, (22050, 80), (44100, 64)])
def test_equals_kaldi(sample_rate, num_mels):
  samples = speech_like(1.3, sample_rate)
  got = FrontEnd(sample_rate=sample_rate, num_mels=num_mels).log_mel(samples)
  np.testing.assert_allclose(got, kaldi_log_mel(samples, sample_rate, num_mels), atol=1e-3)


@pytest.mark.parametrize("n", [80, 81, 100, 279, 280, 281, 399, 400, 401, 800])
def test_equals_kaldi_at_both_ends_of_short_audio(n):
  samples = speech_like(1, 16000)[8000 : 8000 + n]
  np.testing.assert_allclose(
    FrontEnd().log_mel(samples), kaldi_log_mel(samples, 16000, 80), atol=1e-3
  )


@pytest.mark.parametrize(
  ("folder", "sample_rate", "num_mels"),
  [("read", 16000, 80), ("read", 16000, 128), ("commands", 16000, 128), ("digits", 8000, 40)],
)
def test_equals_kaldi_on_real_speech(shared_data, folder, sample_rate, num_mels):
  front_end = FrontEnd(sample_rate=sample_rate, num_mels=num_mels)
  paths = sorted(path for path in (shared_data / folder / "audio").rglob("*") if path.is_file())
  for path in paths[:: len(paths) // 20]:
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == sample_rate
    want = kaldi_log_mel(samples, sample_rate, num_mels)
    np.testing.assert_allclose(front_end.log_mel(samples), want, atol=1e-3, err_msg=str(path))


def test_a_frame_does_not_feel_its_neighbours(shared_data):
  """Every frame alone and in company of any number of others, bit for bit: what chunks rely on."""
  path = sorted((shared_data / "read" / "audio").rglob("*.*"))[0]
  samples, _ = soundfile.read(path, dtype="float32")
  for sample_rate, num_mels in SETTINGS:
    kernel = LogMel(sample_rate, num_mels, 0.0, sample_rate / 2)
    window, hop = kernel.framing.window, kernel.framing.hop
    together = kernel(samples)
    for f in range(len(together)):
      np.testing.assert_array_equal(kernel(samples[f * hop : f * hop + window])[0], together[f])
    for count in [2, 3, 5, 31, 63, 64, 65, 100]:
      part = kernel(samples[7 * hop : (7 + count - 1) * hop + window])
      np.testing.assert_array_equal(part, together[7 : 7 + count])


def test_twice_the_amplitude_adds_log_4():
  samples = speech_like(0.5, 16000)
  quiet, loud = FrontEnd().log_mel(samples), FrontEnd().log_mel(2 * samples)
  above_floor = quiet > -14
  assert above_floor.mean() > 0.5
  np.testing.assert_allclose((loud - quiet)[above_floor], np.log(4), atol=1e-5)


def test_silence_is_the_floor():
  got = FrontEnd().log_mel(np.zeros(1600, np.float32))
  np.testing.assert_array_equal(got, np.full((10, 80), np.log(np.finfo(np.float32).eps)))


def test_a_tone_is_loudest_in_the_band_whose_peak_it_sits_on():
  edges = np.linspace(0, float(slaney_mel(np.array(8000.0))), 82)
  for band in [20, 40, 60, 79]:
    hz = float(slaney_hz(np.array(edges[band + 1])))
    tone = np.sin(2 * np.pi * hz * np.arange(16000) / 16000).astype(np.float32)
    assert FrontEnd().log_mel(tone)[50].argmax() == band


def test_mel_scale_at_known_places():
  hz = np.array([0.0, 200.0, 1000.0, 6400.0])
  np.testing.assert_allclose(slaney_mel(hz), [0, 3, 15, 42], rtol=1e-6)
  everywhere = np.linspace(0, 22050, 1000)
  np.testing.assert_allclose(slaney_hz(slaney_mel(everywhere)), everywhere, rtol=1e-5, atol=1e-3)


def test_triangles_have_unit_area_and_share_each_bin_with_one_neighbour_at_most():
  weights = mel_triangles(16000, 80, 0.0, 8000.0)
  area = weights.sum(axis=1) * 16000 / 512
  np.testing.assert_allclose(area[-30:], 1, atol=0.02)  # those of ten bins and more
  assert (np.count_nonzero(weights, axis=0) <= 2).all()


def test_too_many_bands_are_refused_by_name():
  with pytest.raises(ValueError, match=r"200 mel bands.*band 0 falls between two bins.*512-point"):
    mel_triangles(16000, 200, 0.0, 8000.0)
