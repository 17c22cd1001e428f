"""Numbers for people, checked by eye."""

import pytest

from edge_rnnt.report import units


@pytest.mark.parametrize(
  ("function", "number", "text"),
  [
    (units.count, 999, "999"),
    (units.count, 1000, "1.00 k"),
    (units.count, 12_345, "12.3 k"),
    (units.count, 999_949, "1.00 M"),
    (units.count, 122_100_000, "122 M"),
    (units.size, 500, "500 bytes"),
    (units.size, 214_380, "214 kB"),
    (units.size, 2_304_000, "2.30 MB"),
    (units.exact, 4_312_480, "4,312,480"),
    (units.share, 0.8, "80 %"),
    (units.share, 0.091, "9.1 %"),
    (units.share, 0.0042, "0.42 %"),
    (units.share, 0.0, "0 %"),
    (units.share, 1.0, "100 %"),
    (units.rate, 12.34, "12.3"),
    (units.points, 1.26, "+1.3"),
    (units.points, -0.44, "\N{MINUS SIGN}0.4"),
    (units.points, -0.04, "0.0"),
    (units.p_value, 0.0004, "p < 0.001"),
    (units.p_value, 0.0042, "p = 0.004"),
    (units.p_value, 0.128, "p = 0.13"),
    (units.factor, 0.0342, "0.034"),
    (units.factor, 0.5, "0.50"),
    (units.factor, 1.23, "1.2"),
    (units.factor, 12.3, "12"),
    (units.duration, 0.1, "0.1 s"),
    (units.duration, 59.7, "1 min"),
    (units.duration, 545.0, "9 min 5 s"),
    (units.duration, 12_000.0, "3 h 20 min"),
  ],
)
def test_text(function, number, text):
  assert function(number) == text
