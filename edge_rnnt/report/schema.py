"""Frozen dataclasses <-> JSON values, with errors that say where in the file and what was expected.

Fields may be str, int, float, bool, one of these or None, another dataclass, tuple[X, ...] or
Mapping[str, X]. A field's meaning stands beside it and is written into the file as well.
"""

import collections.abc
import dataclasses
import math
import types
import typing
from typing import Any

_PLAIN = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


class ResultsError(ValueError):
  """Results that cannot be right or be read; the message says where and what was expected."""


def documented(doc: str, **options: Any) -> Any:
  """A dataclass field with its meaning and unit beside it."""
  return dataclasses.field(metadata={"doc": doc}, **options)


def docs(cls: type) -> dict[str, str]:
  """Meaning of each documented field."""
  return {f.name: f.metadata["doc"] for f in dataclasses.fields(cls) if "doc" in f.metadata}


def read(kind: Any, value: Any, where: str) -> Any:
  """The JSON value as an instance of kind; `where` names it in errors. Raises ResultsError."""
  if dataclasses.is_dataclass(kind):
    return _read_object(kind, value, where)
  origin, arguments = typing.get_origin(kind), typing.get_args(kind)
  if origin in (types.UnionType, typing.Union):
    return None if value is None else read(arguments[0], value, where)
  if origin is tuple:
    _expect(isinstance(value, list | tuple), where, "a list", value)
    return tuple(read(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value))
  if origin is collections.abc.Mapping:
    _expect(isinstance(value, dict), where, "an object", value)
    return {key: read(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
  return _read_plain(kind, value, where)


def _read_object(kind: Any, value: Any, where: str) -> Any:
  _expect(isinstance(value, dict), where, f"an object with the fields of {kind.__name__}", value)
  fields = {field.name: field for field in dataclasses.fields(kind)}
  unknown = sorted(value.keys() - fields.keys())
  if unknown:
    raise ResultsError(
      f"{where} has unknown fields {', '.join(unknown)}; known are {', '.join(fields)}. "
      "Was it written by a newer edge_rnnt?"
    )
  missing = [name for name, field in fields.items() if name not in value and _required(field)]
  if missing:
    raise ResultsError(
      f"{where} lacks {', '.join(missing)}; it has {', '.join(value) or 'nothing'}"
    )
  hints = typing.get_type_hints(kind)
  return kind(**{name: read(hints[name], item, f"{where}.{name}") for name, item in value.items()})


def _required(field: dataclasses.Field) -> bool:
  return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _read_plain(kind: type, value: Any, where: str) -> Any:
  given = type(value)
  if kind is float:
    _expect(given in (int, float) and math.isfinite(value), where, "a finite number", value)
    return float(value)
  _expect(given is kind, where, _PLAIN[kind], value)
  return value


def _expect(fits: bool, where: str, expected: str, value: Any) -> None:
  if not fits:
    raise ResultsError(f"{where} must be {expected}; got {value!r}")
