"""The fields of one JSON object, read leniently: the wire differs from eMabler's own schema in places.

Names count without case. Numbers may come as text and text as numbers, enums as either, and any field may be null,
missing or of a type nobody expected; what cannot be read is None, and its name is noted.
"""

import math
from collections.abc import Callable
from typing import Any, Final, Self, TypeVar

from shared.emabler.times import read_instant
from shared.instants import Instant

MAX_TEXT_LENGTH: Final = 4000
"""Characters of one field; a longer one is not read."""

_LARGEST_NUMBER: Final = 2.0**62
_TRUTHS: Final = {"true": True, "1": True, "false": False, "0": False}

Value = TypeVar("Value")


class JsonFields:
    """One object of an answer. Each reader takes a field's names in order of preference; null counts as missing."""

    def __init__(self, value: dict[str, Any], unreadable: set[str] | None = None) -> None:
        self._values = {name.lower(): field for name, field in value.items() if field is not None}
        self.unreadable = set[str]() if unreadable is None else unreadable
        """Names of the fields, of nested objects too, that were there and could not be read."""

    def text(self, *names: str) -> str | None:
        """Text without outer white space, never empty; a number as its digits."""
        return self._read(names, _text)

    def number(self, *names: str) -> float | None:
        """A finite number, also from text with a decimal point or comma."""
        return self._read(names, _number)

    def whole(self, *names: str) -> int | None:
        """The nearest whole number."""
        number = self.number(*names)
        return None if number is None else round(number)

    def flag(self, *names: str) -> bool | None:
        """A truth value, also from 0, 1 and text."""
        return self._read(names, _flag)

    def instant(self, *names: str) -> Instant | None:
        """A time (naive is UTC); None for eMabler's year-1 "never"."""
        return self._read(names, _instant)

    def objects(self, *names: str) -> list[Self]:
        """The objects in a list; whatever else is in it is noted and left out."""
        return [type(self)(item, self.unreadable) for item in self._items(names, dict)]

    def texts(self, *names: str) -> tuple[str, ...]:
        """The texts in a list; whatever else is in it is noted and left out."""
        return tuple(self._items(names, str))

    def _read(self, names: tuple[str, ...], convert: Callable[[Any], Value | None]) -> Value | None:
        """What `convert` makes of the first name that has a value; noted where it raises."""
        for name in names:
            if (value := self._values.get(name.lower())) is None:
                continue
            try:
                return convert(value)
            except (ValueError, OverflowError):
                self.unreadable.add(name)
                return None
        return None

    def _items(self, names: tuple[str, ...], kind: type[Value]) -> list[Value]:
        items = self._read(names, _list) or []
        fitting = [item for item in items if isinstance(item, kind)]
        if len(fitting) < len(items):
            self.unreadable.update(name for name in names if name.lower() in self._values)
        return fitting


def _text(value: Any) -> str | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > MAX_TEXT_LENGTH:
        raise ValueError("no text that we read")
    return value.strip() or None


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("no number")  # noqa: TRY004  # one error for all that cannot be read
    number = float(value.replace(",", ".")) if isinstance(value, str) else float(value)
    if not math.isfinite(number) or abs(number) >= _LARGEST_NUMBER:
        raise ValueError("no number that we can store")
    return number


def _flag(value: Any) -> bool:
    if (truth := _TRUTHS.get(str(value).strip().lower())) is None:
        raise ValueError("no truth value")
    return truth


def _instant(value: Any) -> Instant | None:
    if not isinstance(value, str):
        raise ValueError("a time is text")  # noqa: TRY004  # one error for all that cannot be read
    return read_instant(value) if value.strip() else None


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("no list")  # noqa: TRY004  # one error for all that cannot be read
    return value
