"""Points in time as eMabler writes them and Table Storage keeps them: UTC, in steps of 100 nanoseconds.

Python's `datetime` ends at microseconds; eMabler sends up to seven fractional digits (.NET ticks), and which of two
states is newer may hang on the seventh. So an `Instant` is an integer: cheap to compare, exact to store.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Self

TICKS_PER_SECOND = 10_000_000
_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(int):
    """100-nanosecond ticks since 0001-01-01T00:00:00Z (the unit of .NET's DateTime, which eMabler runs on)."""

    __slots__ = ()

    @classmethod
    def from_datetime(cls, moment: datetime, *, extra_ticks: int = 0) -> Self:
        """An instant from a datetime (naive means UTC) and up to 9 ticks that a datetime cannot hold.

        Raises OverflowError where the UTC time lies outside the years 1 to 9999.
        """
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return cls((moment - _FIRST) // _MICROSECOND * 10 + extra_ticks)

    @classmethod
    def from_iso(cls, text: str) -> Self:
        """The instant that `iso` wrote. Raises ValueError for any other form."""
        if len(text) != len("2025-04-02T09:11:03.7849436Z") or not text.endswith("Z"):
            raise ValueError("not a time with seven fractional digits and Z")
        return cls.from_datetime(datetime.fromisoformat(text[:26] + "Z"), extra_ticks=int(text[26]))

    @classmethod
    def now(cls) -> Self:
        """The present, to the microsecond."""
        return cls.from_datetime(datetime.now(UTC))

    @property
    def datetime(self) -> datetime:
        """The aware UTC datetime, cut to microseconds."""
        return _FIRST + timedelta(microseconds=self // 10)

    @property
    def iso(self) -> str:
        """ISO 8601 with always seven fractional digits, so that text sorts as time does; also the Edm.DateTime form."""
        return _iso(self)

    @property
    def day(self) -> str:
        """`yyyyMMdd`."""
        iso = self.iso
        return iso[:4] + iso[5:7] + iso[8:10]

    @property
    def month(self) -> str:
        """`yyyyMM`."""
        iso = self.iso
        return iso[:4] + iso[5:7]

    def __repr__(self) -> str:
        return f"Instant({self.iso})"


@lru_cache(maxsize=1024)
def _iso(ticks: int) -> str:
    """An event's few times are written into keys and columns a dozen times, so the last ones are kept."""
    seconds, rest = divmod(ticks, TICKS_PER_SECOND)
    moment = _FIRST + timedelta(seconds=seconds)
    return f"{moment.replace(tzinfo=None).isoformat()}.{rest:07d}Z"
