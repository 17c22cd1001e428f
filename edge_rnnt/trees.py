"""Parameter trees by path: "encoder/layer_0/kernel" is a leaf, a regular expression names many."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import jax

Value = TypeVar("Value")


def path_name(path: tuple[Any, ...]) -> str:
  """The key path of a leaf as one string: its keys joined with "/"."""
  return jax.tree_util.keystr(path, simple=True, separator="/")


def flatten(tree: Any) -> dict[str, Any]:
  """{"a/b": leaf} in the tree's order; `None` is no leaf, so what `match` left out is absent."""
  leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
  return {path_name(path): leaf for path, leaf in leaves}


def nest(leaves: Mapping[str, Any]) -> dict[str, Any]:
  """The nested dicts that `flatten` names the leaves of."""
  tree: dict[str, Any] = {}
  for path, leaf in leaves.items():
    *parents, name = path.split("/")
    node = tree
    for parent in parents:
      node = node.setdefault(parent, {})
    node[name] = leaf
  return tree


def map_paths(function: Callable[[str, Any], Any], tree: Any) -> Any:
  """The tree with every leaf replaced by `function(path, leaf)`."""
  return jax.tree_util.tree_map_with_path(lambda path, leaf: function(path_name(path), leaf), tree)


def match(patterns: Mapping[str, Value], tree: Any) -> Any:
  """The tree with each leaf replaced by the value of the first pattern that matches its whole path.

  Leaves that no pattern matches become `None`.

  Raises:
    ValueError: a pattern that no leaf falls to (misspelt, or hidden behind an earlier one): an
      option that has
      no effect is a mistake. The message lists the paths there are.
  """
  unused = set(patterns)

  def value(path: str, _: Any) -> Value | None:
    for pattern, chosen in patterns.items():
      if re.fullmatch(pattern, path):
        unused.discard(pattern)
        return chosen
    return None

  matched = map_paths(value, tree)
  if unused:
    raise ValueError(_unused_message(patterns, unused, flatten(tree)))
  return matched


def _unused_message(patterns: Iterable[str], unused: set[str], paths: Iterable[str]) -> str:
  lines = ["Every pattern must decide for at least one path. Without effect:"]
  for pattern in patterns:
    if pattern in unused:
      hidden = any(re.fullmatch(pattern, path) for path in paths)
      lines.append(f"  {pattern!r} ({'hidden by an earlier pattern' if hidden else 'no match'})")
  lines.append("Patterns must match the whole path. The paths are:")
  return "\n".join(lines + [f"  {path}" for path in paths])
