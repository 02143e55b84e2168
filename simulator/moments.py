"""Points in time as the simulator counts them: whole ticks of 100 ns since 1970, UTC, which is .NET's resolution."""

import time
from datetime import UTC, datetime

TICKS_PER_SECOND = 10_000_000
TICKS_PER_DAY = 86_400 * TICKS_PER_SECOND
_FRACTION_DIGITS = 7
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ticks_of(moment: datetime) -> int:
    """The ticks of a moment; it must know its offset from UTC."""
    since = moment - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 10


def now_ticks() -> int:
    """The real clock."""
    return time.time_ns() // 100


def ticks(seconds: float) -> int:
    """A duration in ticks."""
    return round(seconds * TICKS_PER_SECOND)


def truncated(moment: int, digits: int) -> int:
    """The moment as a clock knows it that writes only so many fractional digits."""
    return moment - moment % int(10 ** (_FRACTION_DIGITS - digits))


def write_time(moment: int, utc_offset_hours: int = 0) -> str:
    """A time as .NET writes it: no zeros at the end of the fraction, and `Z` or an offset."""
    seconds, fraction = divmod(moment, TICKS_PER_SECOND)
    text = _to_the_second(seconds + utc_offset_hours * 3600)
    if fraction:
        text += f".{fraction:07d}".rstrip("0")
    return text + (f"{utc_offset_hours:+03d}:00" if utc_offset_hours else "Z")


def iso(moment: int) -> str:
    """A time in UTC with all seven digits: `2025-04-02T09:11:03.7849436Z`, so equal times are equal texts."""
    seconds, fraction = divmod(moment, TICKS_PER_SECOND)
    return f"{_to_the_second(seconds)}.{fraction:07d}Z"


def _to_the_second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
