"""Whether two configs ask for the same run: keys newer than the run count as their defaults."""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

from experiments import recipe

NAMED_BY_USERS = ("sources", "shares")
"""Parts whose keys are names, not settings: there a missing key is a difference."""


def differing(
  before: Mapping[str, Any], now: Mapping[str, Any], workdir: pathlib.Path
) -> list[str]:
  """Paths of the settings (as JSON) that differ between a config written in `workdir` and this one.

  A run that begins with the one beside it still does so when both were moved.
  """
  if _start_beside(now, workdir) and _start(before).name == _start(now).name:
    before = {**before, "start_from": now["start_from"]}
  return _differing(before, _without_newer(before, now, _json(recipe.get_config())))


def _start(config: Mapping[str, Any]) -> pathlib.Path:
  """WORKDIR:STATE of the run that it begins with."""
  return pathlib.Path(config.get("start_from", ""))


def _start_beside(config: Mapping[str, Any], workdir: pathlib.Path) -> bool:
  begins = bool(config.get("start_from"))
  return begins and _start(config).parent.resolve() == workdir.parent.resolve()


def _without_newer(before: Any, now: Any, defaults: Any, name: str = "") -> Any:
  """`now` less the keys that `before` doesn't know and that are at their defaults."""
  both = isinstance(before, Mapping) and isinstance(now, Mapping)
  if not both or not isinstance(defaults, Mapping) or name in NAMED_BY_USERS:
    return now
  if name == "stages":
    stage = _json(recipe.stage(0, {}))
    return {
      key: _without_newer(before[key], each, stage) if key in before else each
      for key, each in now.items()
    }
  return {
    key: _without_newer(before.get(key), value, defaults.get(key), key)
    for key, value in now.items()
    if key in before or key not in defaults or defaults[key] != value
  }


def _differing(before: Any, now: Any, path: str = "") -> list[str]:
  if not isinstance(before, Mapping) or not isinstance(now, Mapping):
    return [] if before == now else [path.removeprefix(".")]
  keys = [*before, *(key for key in now if key not in before)]
  return [
    name for key in keys for name in _differing(before.get(key), now.get(key), f"{path}.{key}")
  ]


def _json(config: Any) -> dict[str, Any]:
  return json.loads(config.to_json_best_effort())
