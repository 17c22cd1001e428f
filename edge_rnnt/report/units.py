"""Numbers as a reader wants them; all rounding for people happens here and nowhere else."""

import math

MINUS = "\N{MINUS SIGN}"


def count(number: int) -> str:
  """Three digits and a unit: 987, 12.3 k, 1.10 M, 122 M."""
  for size, unit in ((1_000_000_000, " G"), (1_000_000, " M"), (1000, " k")):
    if number >= size * 0.9995:  # 999,950 is 1.00 M, not 1000 k
      return _three_digits(number / size) + unit
  return str(number)


def exact(number: int) -> str:
  """All digits, in groups of three: 1,234,567."""
  return f"{number:,}"


def size(number_of_bytes: int) -> str:
  """Bytes in decimal units, as file managers and phone stores show them: 214 kB, 1.23 MB."""
  text = count(number_of_bytes).replace(" k", " kB").replace(" M", " MB").replace(" G", " GB")
  return text if text.endswith("B") else f"{text} bytes"


def share(number: float) -> str:
  """A share (0 to 1) in percent: 80 %, 9.1 %, 0.42 %."""
  percent = 100 * number
  text = f"{percent:.2g}" if 0 < percent < 1 else f"{percent:.1f}".removesuffix(".0")
  return f"{text} %"


def rate(percent: float) -> str:
  """A word error rate already in percent, without the sign: 12.3."""
  return f"{percent:.1f}"


def points(difference: float) -> str:
  """A difference of two percentages, with its sign: +1.3, −0.4, 0.0."""
  text = f"{abs(difference):.1f}"
  if float(text) == 0:
    return text
  return ("+" if difference > 0 else MINUS) + text


def p_value(probability: float) -> str:
  """p = 0.13; p = 0.048; p = 0.004; p < 0.001."""
  if probability < 0.001:
    return "p < 0.001"
  return f"p = {probability:.{2 if probability >= 0.1 else 3}f}"


def factor(number: float) -> str:
  """A real-time factor with two significant digits and no exponent: 0.034, 0.50, 1.2."""
  decimals = 1 - math.floor(math.log10(number))
  return f"{number:.{max(decimals, 0)}f}"


def duration(seconds: float) -> str:
  """0.8 s, 42 s, 9 min 5 s, 6 min, 3 h 20 min."""
  if seconds < 10:
    return f"{seconds:.1f} s"
  whole = round(seconds)
  if whole < 60:
    return f"{whole} s"
  if whole < 3600:
    return f"{whole // 60} min {whole % 60} s".removesuffix(" 0 s")
  minutes = round(seconds / 60)
  return f"{minutes // 60} h {minutes % 60} min".removesuffix(" 0 min")


def _three_digits(number: float) -> str:
  return f"{number:.{2 if number < 9.995 else 1 if number < 99.95 else 0}f}"
