"""Tags of a list that an unknown tag may have been meant to be: hints for people, and never a match.

Readers disagree about one card: some turn its bytes round, cut its id off, fill it up with zeros or put separators in.
But two cards may as well differ by exactly that, so only a person can tell.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final, NamedTuple

SHORTEST_LENGTH: Final = 6
"""Characters that two ids must share at their begin or end; fewer are shared by chance."""
MOST_HINTS: Final = 5

_SEPARATORS: Final = str.maketrans("", "", ":-. _")
_HEXADECIMAL: Final = frozenset("0123456789ABCDEF")


class Likeness(StrEnum):
    """How a tag of the list resembles the unknown one."""

    SEPARATORS = "the same but for separators"
    TURNED = "the same with its bytes in the other order"
    LISTED_BEGINS = "begins with the unknown one"
    LISTED_ENDS = "ends with the unknown one"
    UNKNOWN_BEGINS = "is how the unknown one begins"
    UNKNOWN_ENDS = "is how the unknown one ends"


class Hint(NamedTuple):
    """A tag of the list, and how it resembles the unknown one."""

    id_tag: str
    likeness: Likeness


class NearMisses:
    """Finds hints among the ids of a list, which are canonical; made once for a list, asked for each unknown tag."""

    def __init__(self, id_tags: Iterable[str]) -> None:
        self._by_plain: dict[str, list[str]] = {}
        for id_tag in id_tags:
            self._by_plain.setdefault(id_tag.translate(_SEPARATORS), []).append(id_tag)
        self._plain = sorted(self._by_plain)
        self._reversed = sorted(plain[::-1] for plain in self._by_plain)

    def of(self, id_tag: str) -> list[Hint]:
        """Up to `MOST_HINTS` hints for a canonical tag that is not in the list, the strongest first."""
        hints: dict[str, Hint] = {}
        for hint in self._all(id_tag.translate(_SEPARATORS)):
            if hint.id_tag != id_tag:
                hints.setdefault(hint.id_tag, hint)
            if len(hints) == MOST_HINTS:
                break
        return list(hints.values())

    def _all(self, plain: str) -> Iterator[Hint]:
        yield from self._hints(plain, Likeness.SEPARATORS)
        yield from self._hints(_turned(plain), Likeness.TURNED)
        if len(plain) < SHORTEST_LENGTH:
            return
        for length in range(len(plain) - 1, SHORTEST_LENGTH - 1, -1):
            yield from self._hints(plain[:length], Likeness.UNKNOWN_BEGINS)
            yield from self._hints(plain[-length:], Likeness.UNKNOWN_ENDS)
        for listed in _beginning_with(plain, self._plain):
            yield from self._hints(listed, Likeness.LISTED_BEGINS)
        for listed in _beginning_with(plain[::-1], self._reversed):
            yield from self._hints(listed[::-1], Likeness.LISTED_ENDS)

    def _hints(self, plain: str, likeness: Likeness) -> Iterator[Hint]:
        return (Hint(id_tag, likeness) for id_tag in self._by_plain.get(plain, ()) if plain)


def _turned(plain: str) -> str:
    """The bytes of a hexadecimal id in the other order; an empty text for any other id."""
    if len(plain) % 2 or not _HEXADECIMAL.issuperset(plain):
        return ""
    return bytes.fromhex(plain)[::-1].hex().upper()


def _beginning_with(begin: str, ordered: list[str]) -> Iterator[str]:
    """Those longer than `begin` that begin with it."""
    position = bisect_left(ordered, begin)
    while position < len(ordered) and ordered[position].startswith(begin):
        if ordered[position] != begin:
            yield ordered[position]
        position += 1
