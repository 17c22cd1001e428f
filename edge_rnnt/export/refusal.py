"""The one error of all exports to other runtimes."""


class NotExportable(ValueError):
  """A model that a runtime could not run, or would run and get wrong."""
