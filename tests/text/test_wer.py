"""Word errors against an independent alignment; intervals and p-values against their promise."""

import kaldialign
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_rnnt.text.wer import compare, error_rate, normalize

WORDS = st.lists(st.sampled_from("abcd"), max_size=8).map(" ".join)


def slow_distance(reference, hypothesis):
  """Levenshtein's table, cell by cell."""
  a, b = reference.split(), hypothesis.split()
  table = [[i + j if i * j == 0 else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
  for i in range(1, len(a) + 1):
    for j in range(1, len(b) + 1):
      replaced = table[i - 1][j - 1] + (a[i - 1] != b[j - 1])
      table[i][j] = min(replaced, table[i - 1][j] + 1, table[i][j - 1] + 1)
  return table[-1][-1]


@given(pairs=st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6))
def test_errors_equal_an_independent_alignment(pairs):
  references, hypotheses = ["a", *(p[0] for p in pairs)], ["a", *(p[1] for p in pairs)]
  got = error_rate(references, hypotheses, samples=2)
  assert got.errors == sum(map(slow_distance, references, hypotheses))
  assert got.words == sum(len(text.split()) for text in references)
  assert got.wer == got.errors / got.words
  assert got.substitutions + got.deletions + got.insertions == got.errors
  said = sum(len(text.split()) for text in hypotheses)
  assert got.insertions - got.deletions == said - got.words


def test_kinds_of_errors_by_hand():
  got = error_rate(
    ["turn the lights on", "play music", ""], ["turn lights off", "play some music", "hello"]
  )
  counted = (got.substitutions, got.deletions, got.insertions, got.words, got.utterances)
  assert counted == (1, 1, 2, 6, 3)
  assert got.wer == 4 / 6


def test_pooled_is_not_the_mean_of_utterances():
  assert error_rate(["a", "a b c"], ["b", "a b c"]).wer == 1 / 4


@pytest.mark.parametrize(
  ("text", "want"),
  [
    ("  Turn the LIGHTS, on!  ", "turn the lights on"),
    ("don't 'quote' rock 'n' roll", "don't quote rock n roll"),
    ("the cat\u2019s 3rd-place", "the cat's 3rd place"),
    ("a_b ... \u2047", "a b"),
    ("Straße e\u0301te\u0301", "straße été"),  # accents written apart join their letter
    ("हिन्दी", "हिन्दी"),  # vowel signs belong to words
    ("①２", "12"),
  ],
)
def test_normalized_texts(text, want):
  assert normalize(text) == want
  assert normalize(want) == want


def test_both_sides_are_normalized():
  assert error_rate(["Turn it ON."], ["turn it on"]).errors == 0


def coin_flips(n, share, seed):
  """n one-word utterances of which about a share are wrong."""
  wrong = np.random.default_rng(seed).random(n) < share
  return ["a"] * n, ["b" if w else "a" for w in wrong]


def test_the_interval_of_independent_words_is_the_binomial_one():
  references, hypotheses = coin_flips(2000, 0.2, 0)
  got = error_rate(references, hypotheses, samples=4000)
  error = np.sqrt(got.wer * (1 - got.wer) / 2000)
  np.testing.assert_allclose(
    [got.low, got.high], [got.wer - 1.96 * error, got.wer + 1.96 * error], atol=0.1 * error
  )


def test_the_interval_agrees_with_kaldis():
  rng = np.random.default_rng(0)
  references = [" ".join(rng.choice(list("abcdef"), rng.integers(1, 12))) for _ in range(300)]
  hypotheses = [" ".join(w for w in text.split() if rng.random() < 0.8) for text in references]
  got = error_rate(references, hypotheses, samples=4000)
  want = kaldialign.bootstrap_wer_ci(
    [text.split() for text in references], [text.split() for text in hypotheses]
  )
  width = want["ci95max"] - want["ci95min"]
  ours, kaldis = [got.low, got.high], [want["ci95min"], want["ci95max"]]
  np.testing.assert_allclose(ours, kaldis, atol=0.08 * width)


def test_the_interval_holds_the_truth_19_times_of_20():
  held = 0
  for seed in range(200):
    got = error_rate(*coin_flips(100, 0.3, seed), samples=200)
    held += got.low <= 0.3 <= got.high
  assert 0.89 <= held / 200 <= 0.99


def test_the_same_seed_gives_the_same_interval():
  texts = coin_flips(100, 0.3, 0)
  assert error_rate(*texts, seed=3) == error_rate(*texts, seed=3)
  assert error_rate(*texts, seed=3) != error_rate(*texts, seed=4)


def test_a_system_does_not_differ_from_itself():
  references, hypotheses = coin_flips(100, 0.3, 0)
  got = compare(references, hypotheses, hypotheses)
  assert (got.difference, got.low, got.high, got.p_value) == (0, 0, 0, 1)


def test_a_clear_difference_is_seen_and_signed():
  references, worse = coin_flips(400, 0.4, 0)
  _, better = coin_flips(400, 0.2, 1)
  got = compare(references, worse, better, samples=2000)
  assert got.difference == error_rate(references, better).wer - error_rate(references, worse).wer
  assert got.low < got.difference < got.high < 0
  assert got.p_value < 0.002
  back = compare(references, better, worse, samples=2000)
  assert (back.difference, back.low, back.high) == (-got.difference, -got.high, -got.low)


def test_a_relative_difference_is_drawn_with_what_it_is_relative_to():
  """Where a makes few errors, their number is as unsure as the difference: the interval is wider
  than the difference's own over the rate of a, and not symmetric."""
  references, a = coin_flips(300, 0.08, 0)
  _, b = coin_flips(300, 0.16, 1)
  got = compare(references, a, b, samples=4000)
  errors_a, errors_b = (np.array([text == "b" for text in heard]) for heard in (a, b))
  middle, low, high = got.relative
  assert middle == pytest.approx((errors_b.sum() - errors_a.sum()) / errors_a.sum())
  rng = np.random.default_rng(9)
  drawn = [rng.integers(300, size=300) for _ in range(4000)]
  theirs = [errors_b[each].sum() / errors_a[each].sum() - 1 for each in drawn]
  np.testing.assert_allclose([low, high], np.percentile(theirs, [2.5, 97.5]), rtol=0.1)
  assert high - low > (got.high - got.low) / error_rate(references, a).wer
  assert compare(references, references, b).relative is None


def test_pairing_sees_what_two_intervals_cannot():
  """b mends twelve errors of a and makes none: hidden by the intervals, clear when paired."""
  references, a = coin_flips(400, 0.3, 0)
  mended = [i for i, word in enumerate(a) if word == "b"][:12]
  b = ["a" if i in mended else word for i, word in enumerate(a)]
  rate_a, rate_b = error_rate(references, a), error_rate(references, b)
  assert rate_b.high > rate_a.low
  assert compare(references, a, b, samples=2000).p_value < 0.01


def test_p_values_of_equal_systems_are_small_as_seldom_as_they_say():
  small = 0
  for seed in range(200):
    references, a = coin_flips(100, 0.3, 2 * seed)
    _, b = coin_flips(100, 0.3, 2 * seed + 1)
    small += compare(references, a, b, samples=200).p_value < 0.05
  assert 0.01 <= small / 200 <= 0.1


def test_lists_of_two_lengths_are_refused():
  with pytest.raises(ValueError, match="got 2 references and 1 hypotheses"):
    error_rate(["a", "b"], ["a"])


@pytest.mark.parametrize("references", [[], ["", "..."]])
def test_no_reference_words_are_refused(references):
  with pytest.raises(ValueError, match=r"needs reference words.*hold none after"):
    error_rate(references, ["a"] * len(references))


def test_rates_print_with_their_interval():
  text = str(error_rate(["a b c d"] * 10, ["a b c"] * 10))
  assert text == "25.00 % [25.00, 25.00] (10 errors / 40 words, 10 utterances)"
