"""Which windows of time the sessions are asked for (pure).

A session can appear late: a charger without connection tells of it hours after it ended. So each run asks again for a
while before the watermark. And whether v1's window is about starts or ends is not documented: there it has to be as
long as a session may last.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from shared.emabler.rest.addresses import ApiVersion
from shared.instants import TICKS_PER_SECOND, Instant

_HOUR: Final = 3600 * TICKS_PER_SECOND

OVERLAP_TICKS: Final = {ApiVersion.V1: 24 * _HOUR, ApiVersion.V2: 6 * _HOUR}
WIDEST_TICKS: Final = 72 * _HOUR
"""How far back the first run asks, and every run while push has a gap."""

SLICE_TICKS: Final = 24 * _HOUR
"""What is asked for at once: v1 answers in one piece, and the watermark moves after each slice."""


class Window(NamedTuple):
    """From and until when."""

    start: Instant
    end: Instant


@dataclass(frozen=True, slots=True)
class Known:
    """What decides the window: up to when everything is stored, whether push has a gap, and which API is asked."""

    watermark: Instant | None
    has_gap: bool
    version: ApiVersion


def window_of(known: Known, now: Instant) -> Window:
    """What a run asks for: up to now, and never less than the overlap before the watermark."""
    if known.watermark is None:
        return Window(_before(now, WIDEST_TICKS), now)
    start = _before(min(known.watermark, now), OVERLAP_TICKS[known.version])
    if known.has_gap:
        start = min(start, _before(now, WIDEST_TICKS))
    return Window(start, now)


def slices(window: Window) -> Iterator[Window]:
    """The window in pieces, the oldest first; the last one ends where the window does."""
    start = window.start
    while window.end - start > SLICE_TICKS:
        end = Instant(start + SLICE_TICKS)
        yield Window(start, end)
        start = end
    yield Window(start, window.end)


def _before(moment: Instant, ticks: int) -> Instant:
    return Instant(max(0, moment - ticks))
