"""A tag as texts in named columns, and back: the same for a file's rows and for a command's options."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from ops.tag_times import begin_of, end_of, exact
from shared.authorization.hours import WeeklyHours, check_time_zone
from shared.authorization.tags import Places, Tag, canonical_tag
from shared.errors import Unacceptable

COLUMNS: Final = (
    *("id_tag", "type", "blocked", "valid_from", "valid_until"),
    *("allow_chargers", "allow_sites", "allow_prefixes", "deny_chargers", "deny_sites", "deny_prefixes"),
    *("hours", "time_zone", "name", "note"),
)
"""All columns, in the order in which they are written."""

MAX_TEXT_LENGTH: Final = 255
MAX_NOTE_LENGTH: Final = 4_000
MAX_PLACES_LENGTH: Final = 30_000
"""A row of Table Storage takes 32,768 characters in a column; quotes and commas come on top."""

_YES_NO: Final = {
    **dict.fromkeys(("yes", "y", "true", "1"), True),
    **dict.fromkeys(("no", "n", "false", "0"), False),
}
_SEPARATORS = re.compile(r"[;|]")
_SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]+", re.IGNORECASE)

Value = TypeVar("Value")


class CellProblem(NamedTuple):
    """What is wrong with one column of a row; the text holds nothing of the row."""

    column: str
    what: str


class ReadTag(NamedTuple):
    """A tag read from texts, None where there are problems; its id where that at least can be read; and more.

    `says_blocked` is whether the texts say if the tag is blocked.
    """

    tag: Tag | None
    id_tag: str | None
    says_blocked: bool
    problems: list[CellProblem]


def read_tag_cells(cells: Mapping[str, str], time_zone: str) -> ReadTag:
    """The tag of texts by column; an empty or missing one says nothing. All problems are found at once.

    `time_zone` is an IANA name, for tags that have none of their own.
    """
    row = _Row(cells)
    id_tag = row.read("id_tag", _id_tag)
    if id_tag is None and not row.problems:
        row.problems.append(CellProblem("id_tag", "the tag is missing"))
    own_zone = row.read("time_zone", _zone) or check_time_zone(time_zone)
    valid_from = row.read("valid_from", lambda text: begin_of(text, own_zone))
    valid_until = row.read("valid_until", lambda text: end_of(text, own_zone))
    if valid_from is not None and valid_until is not None and valid_until <= valid_from:
        row.problems.append(CellProblem("valid_until", "ends before valid_from"))
    blocked = row.read("blocked", _yes_or_no)
    tag = Tag(
        id_tag=id_tag or "",
        tag_type=row.read("type", _short_text),
        is_blocked=bool(blocked),
        valid_from=valid_from,
        valid_until=valid_until,
        allowed=_places(row, "allow"),
        denied=_places(row, "deny"),
        hours=row.read("hours", lambda text: _hours(text, own_zone.key)),
        name=row.read("name", _short_text),
        note=row.read("note", _note),
    )
    return ReadTag(None if row.problems else tag, id_tag, blocked is not None, row.problems)


def cells_of(tag: Tag) -> dict[str, str]:
    """The tag as texts by column, from which `read_tag_cells` makes the same tag in any time zone."""
    return {
        "id_tag": tag.id_tag,
        "type": tag.tag_type or "",
        "blocked": "yes" if tag.is_blocked else "no",
        "valid_from": exact(tag.valid_from) if tag.valid_from is not None else "",
        "valid_until": exact(tag.valid_until) if tag.valid_until is not None else "",
        **_place_cells("allow", tag.allowed),
        **_place_cells("deny", tag.denied),
        "hours": tag.hours.text if tag.hours is not None else "",
        "time_zone": tag.hours.time_zone if tag.hours is not None else "",
        "name": tag.name or "",
        "note": tag.note or "",
    }


class _Row:
    """Reads columns one by one and gathers what is wrong with them."""

    def __init__(self, cells: Mapping[str, str]) -> None:
        self._cells = cells
        self.problems: list[CellProblem] = []

    def read(self, column: str, reader: Callable[[str], Value]) -> Value | None:
        """The value of a column; None where it is empty, or wrong, which is noted."""
        text = self._cells.get(column, "").strip()
        if not text:
            return None
        try:
            return reader(text)
        except Unacceptable as error:
            self.problems.append(CellProblem(column, str(error)))
            return None


def _id_tag(text: str) -> str:
    if _SCIENTIFIC.fullmatch(text):
        raise Unacceptable(
            "not-a-tag",
            "a spreadsheet made a rounded number of this tag; format the column as text, enter it anew and save again",
        )
    return canonical_tag(text)


def _yes_or_no(text: str) -> bool:
    try:
        return _YES_NO[text.lower()]
    except KeyError:
        raise Unacceptable("not-yes-or-no", "write yes or no") from None


@cache
def _zone(text: str) -> ZoneInfo:
    return check_time_zone(text)


@cache
def _hours(text: str, time_zone: str) -> WeeklyHours:
    _check_text(text, MAX_NOTE_LENGTH)
    return WeeklyHours.parse(text.replace("|", ";"), time_zone)


def _short_text(text: str) -> str:
    return _check_text(text, MAX_TEXT_LENGTH)


def _note(text: str) -> str:
    return _check_text(text, MAX_NOTE_LENGTH)


def _items(text: str) -> list[str]:
    _check_text(text, MAX_PLACES_LENGTH)
    return sorted({stripped for item in _SEPARATORS.split(text) if (stripped := item.strip())})


def _check_text(text: str, most_characters: int) -> str:
    if len(text) > most_characters:
        raise Unacceptable("too-long", f"has {len(text):,} characters; at most {most_characters:,} are kept")
    if not text.isprintable() and any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        raise Unacceptable("control-character", "holds a line break or another control character")
    return text


def _places(row: _Row, verb: str) -> Places:
    return Places(
        charger_ids=frozenset(row.read(f"{verb}_chargers", _items) or ()),
        site_ids=frozenset(row.read(f"{verb}_sites", _items) or ()),
        prefixes=tuple(row.read(f"{verb}_prefixes", _items) or ()),
    )


def _place_cells(verb: str, places: Places) -> dict[str, str]:
    return {
        f"{verb}_chargers": ";".join(sorted(places.charger_ids)),
        f"{verb}_sites": ";".join(sorted(places.site_ids)),
        f"{verb}_prefixes": ";".join(sorted(places.prefixes)),
    }
