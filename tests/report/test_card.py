"""What a card says depends on what is heard at all."""

from edge_rnnt.report import card


def test_all_sets_are_taken_together_only_where_each_is_heard(make_results, tmp_path, monkeypatch):
  results = make_results(tmp_path)
  row = results.main_rows[0]

  def names():
    return [cells[0].text for cells in card._table(results, row).rows]

  assert sorted(names()) == ["all together", "commands", "digits"]
  worst = max(each.wer for each in results.rows if each.name == row.name)
  monkeypatch.setattr(card, "UNHEARD", worst - 0.1)
  assert sorted(names()) == ["commands", "digits"]
