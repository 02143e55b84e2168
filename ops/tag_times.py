"""Times as an operator writes them: a date means that whole day, a time without an offset is one of the tag's zone."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from shared.errors import Unacceptable
from shared.instants import TICKS_PER_SECOND, Instant
from shared.tables.limits import END_OF_INSTANTS, FIRST_INSTANT

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ].+")
_AGO = re.compile(r"([0-9]{1,6})\s*([smhdw])")
_AGO_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_LAST_INSTANT: Final = Instant(END_OF_INSTANTS - 1)
_WRITE_IT: Final = "write it like 2026-12-31 or 2026-12-31T18:00"


def begin_of(text: str, zone: ZoneInfo) -> Instant:
    """The first moment of a date, or the time itself. Raises Unacceptable with the reason `bad-time`."""
    return _moment(text, zone, timedelta(0))


def end_of(text: str, zone: ZoneInfo) -> Instant:
    """The first moment after a date, or the time itself. Raises Unacceptable with the reason `bad-time`.

    The day after 9999-12-31, which many write for "never", cannot be stored; its last moment stands for it.
    """
    return _moment(text, zone, timedelta(days=1))


def since(text: str, zone: ZoneInfo, now: Instant) -> Instant:
    """A time that long ago (`30m`, `2h`, `7d`), or `begin_of` a date or time. Raises Unacceptable (`bad-time`)."""
    ago = _AGO.fullmatch(text.strip().lower())
    if ago is None:
        return begin_of(text, zone)
    return Instant(max(FIRST_INSTANT, now - int(ago[1]) * _AGO_SECONDS[ago[2]] * TICKS_PER_SECOND))


def exact(moment: Instant) -> str:
    """The time in UTC, exact, as `begin_of` and `end_of` read it back; zeros at its end are left out."""
    return moment.iso.removesuffix("Z").rstrip("0").removesuffix(".") + "Z"


def _moment(text: str, zone: ZoneInfo, after_a_date: timedelta) -> Instant:
    text = text.strip()
    try:
        if _DATE.fullmatch(text):
            return _storable(_midnight(date.fromisoformat(text), after_a_date, zone))
        if _TIME.fullmatch(text):
            return _storable(_time(text, zone))
    except OverflowError:
        raise Unacceptable("bad-time", "a time outside the years 1601 to 9999") from None
    except ValueError:
        pass  # it has the form of a time and is none, like 2026-02-30
    raise Unacceptable("bad-time", f"not a date or time; {_WRITE_IT}")


def _midnight(day: date, later: timedelta, zone: ZoneInfo) -> Instant:
    if day == date.max and later:
        return _LAST_INSTANT
    return Instant.from_datetime(datetime.combine(day + later, time(), zone))


def _time(text: str, zone: ZoneInfo) -> Instant:
    if text.endswith("Z") and text[19:20] in {".", "Z"}:  # up to seven digits of a second, of which a datetime has six
        return Instant.from_iso(f"{text[:19]}.{text[20:-1]:0<7}Z")
    moment = datetime.fromisoformat(text)
    return Instant.from_datetime(moment if moment.tzinfo is not None else moment.replace(tzinfo=zone))


def _storable(moment: Instant) -> Instant:
    if not FIRST_INSTANT <= moment < END_OF_INSTANTS:
        raise OverflowError
    return moment


def for_people(moment: Instant) -> str:
    """The time in UTC to the second."""
    return moment.datetime.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
