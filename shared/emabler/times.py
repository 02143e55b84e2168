"""Times as eMabler writes them.

Seen in its documents: no, 1, 5, 6 and 7 fractional digits, `Z`, and explicit offsets; .NET's `DateTime.MinValue`
(`0001-01-01T00:00:00Z`) is sent for "never" (REST v2). A time without an offset is UTC ("all of our timeStamps are in
UTC", getting started with the REST API).
"""

import re
from datetime import datetime, timedelta
from functools import lru_cache

from shared.instants import Instant

_MAX_LENGTH = 64
_LEAP_SECOND = re.compile(r"([T ][0-9]{2}:[0-9]{2}):60")
_MICROSECOND_DIGITS = 6
_FIRST_INSTANT = Instant.from_iso("1601-01-01T00:00:00.0000000Z")
"""Table Storage's Edm.DateTime begins here; a charger with an earlier clock has no clock."""


@lru_cache(maxsize=256)
def read_instant(text: str) -> Instant | None:
    """The instant a text names, exact to the seventh fractional digit; None for the year-1 "never".

    Raises ValueError for what is no time, or lies before 1601. The last answers are kept, because the dozen values of a
    measurement name one time a dozen times.
    """
    if len(text) > _MAX_LENGTH or text.strip().isdigit():  # digits are a count of something, of which is not said
        raise ValueError("not a time in ISO 8601")
    try:
        moment = _moment(text)
        if moment.year == 1:
            return None
        instant = Instant.from_datetime(moment, extra_ticks=_seventh_digit(text))
    except OverflowError:
        raise ValueError("time outside the years 1601 to 9999") from None
    if instant < _FIRST_INSTANT:
        raise ValueError("time outside the years 1601 to 9999")
    return instant


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        text = text.strip().upper()
        if _LEAP_SECOND.search(text):  # the second after :59, as every clock without leap seconds has it
            return datetime.fromisoformat(_LEAP_SECOND.sub(r"\1:59", text)) + timedelta(seconds=1)
        return datetime.fromisoformat(text)


def _seventh_digit(text: str) -> int:
    point = max(text.find("."), text.find(","))
    if point < 0:
        return 0
    digit = text[point + _MICROSECOND_DIGITS + 1 : point + _MICROSECOND_DIGITS + 2]
    return int(digit) if digit.isascii() and digit.isdigit() and text[point + 1 : point + 7].isdigit() else 0
