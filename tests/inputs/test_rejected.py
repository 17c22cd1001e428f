"""Reports add up over sets, and chain over checks; nothing gets lost either way."""

from edge_rnnt.inputs.rejected import ManifestReport, Rejected

SILENT, SHORT = Rejected("a.wav", "silent"), Rejected("b.wav", "too short", "0.01 s")


def test_of_two_sets():
  both = ManifestReport(5, (SILENT,)) + ManifestReport(7, (SHORT, SILENT))
  assert both == ManifestReport(12, (SILENT, SHORT, SILENT))
  assert str(both) == "12 utterances used, 3 left out: 2 silent, 1 too short"


def test_of_two_checks_in_a_row():
  both = ManifestReport(6, (SILENT,)).then(ManifestReport(5, (SHORT,)))
  assert both == ManifestReport(5, (SILENT, SHORT))


def test_each_is_readable():
  assert str(SHORT) == "b.wav: too short (0.01 s)" and str(SILENT) == "a.wav: silent"
  assert str(ManifestReport(3)) == "3 utterances used, none left out"
