"""Weekly hours in a time zone: `Mon-Fri 07:00-19:00; Sat 08:00-12:00`.

Windows include their first minute and not their last. One that ends at or before its begin goes past midnight:
`Fri 22:00-06:00` ends on Saturday. The hours are those of a wall clock in the zone, so a night in which clocks change
is an hour longer or shorter.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.errors import Unacceptable
from shared.instants import Instant

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY_MINUTES = 24 * 60
_WEEK_MINUTES = 7 * _DAY_MINUTES
_WINDOW = re.compile(r"([a-z]{3})(?:\s*-\s*([a-z]{3}))?\s+(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)", re.IGNORECASE)


@dataclass(frozen=True)
class WeeklyHours:
    """Windows of a week, as minutes since Monday 00:00: first included, last not; past the week's end where needed."""

    windows: tuple[tuple[int, int], ...]
    time_zone: str
    text: str
    """As they were given."""

    @classmethod
    def parse(cls, text: str, time_zone: str) -> Self:
        """Read windows separated by `;` and the IANA name of a time zone.

        Raises Unacceptable with the reason `bad-hours` or `bad-time-zone`, telling what would be right.
        """
        check_time_zone(time_zone)
        return cls(tuple(window for part in text.split(";") for window in _windows(part.strip())), time_zone, text)

    def include(self, moment: Instant) -> bool:
        """Whether a window is open at that moment."""
        try:
            local = moment.datetime.astimezone(self._zone)
        except OverflowError:  # the last hours of the year 9999, where the zone is in the year 10000 already
            local = moment.datetime
        minute = local.weekday() * _DAY_MINUTES + local.hour * 60 + local.minute
        return any(first <= minute < last or first <= minute + _WEEK_MINUTES < last for first, last in self.windows)

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


def check_time_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises Unacceptable with the reason `bad-time-zone`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Unacceptable("bad-time-zone", "not a time zone; write it like Europe/Helsinki or UTC") from None


def _windows(part: str) -> Iterator[tuple[int, int]]:
    match = _WINDOW.fullmatch(part)
    if match is None:
        raise Unacceptable("bad-hours", "not weekly hours; write them like Mon-Fri 07:00-19:00; Sat 08:00-12:00")
    first_day, last_day = _day(match[1]), _day(match[2] or match[1])
    begin, end = _minute(match[3], match[4]), _minute(match[5], match[6])
    if begin == _DAY_MINUTES:
        raise Unacceptable("bad-hours", "hours begin at 23:59 at the latest")
    length = end - begin if end > begin else end - begin + _DAY_MINUTES
    for offset in range((last_day - first_day) % len(_DAYS) + 1):
        first = (first_day + offset) % len(_DAYS) * _DAY_MINUTES + begin
        yield first, first + length


def _day(name: str) -> int:
    try:
        return _DAYS.index(name.capitalize())
    except ValueError:
        raise Unacceptable("bad-hours", f"the days are {' '.join(_DAYS)}") from None


def _minute(hour: str, minute: str) -> int:
    minutes = int(hour) * 60 + int(minute)
    if int(minute) >= 60 or minutes > _DAY_MINUTES:  # noqa: PLR2004  # minutes of an hour
        raise Unacceptable("bad-hours", "times are from 00:00 to 24:00")
    return minutes
