"""The results on a terminal: what was found, the table, and what to do next."""

import os
import pathlib

import rich.console
import rich.markup

from edge_rnnt.report import findings, page, table
from edge_rnnt.report.evidence import Evidence
from edge_rnnt.report.results import Results
from edge_rnnt.report.table_fidelity import fidelity_table


def show(
  results: Results, folder: str | os.PathLike, console: rich.console.Console | None = None
) -> None:
  """Prints headline, caution, table, where the page lies, and the next commands."""
  console = console or rich.console.Console()
  evidence = Evidence(results, folder)
  row = findings.chosen(results, evidence)
  if results.data.synthetic:
    console.print("Synthetic test speech: this says nothing about people.", style="bold yellow")
  console.print()
  console.print(table.terminal(table.main_table(results, row)))
  near = fidelity_table(results)
  if near:
    console.print(table.terminal(near))
  console.print(f"\n{rich.markup.escape(findings.headline(results, evidence))}", style="bold")
  console.print(rich.markup.escape(findings.caution(results, evidence)))
  console.print(f"\nThe page: {pathlib.Path(folder) / 'report.html'}", soft_wrap=True)
  for purpose, command in page.next_commands(results, row, folder).items():
    console.print(f"\n{rich.markup.escape(purpose)}:")
    console.print(f"  {command}", markup=False, highlight=False, soft_wrap=True)
