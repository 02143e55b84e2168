"""A minute of taps as they come: most remembered, some not, some of nobody; fifty on the way at any time."""

import time
from collections.abc import Iterator
from itertools import cycle

from bench.http_calls import Call, Latencies, connections_to, one_after_the_other
from bench.results import Goal, Result, Table
from bench.tap_hosts import quiet, tap_hosts
from bench.tap_world import CHARGER_IDS, TOKEN, calls_of, question, tag_ids, tap
from shared.emabler.realtime_auth import AuthAnswer, Reason

IN_FLIGHT = 50
SECONDS = 60
REMEMBERED_TAGS = 200
LISTED_TAGS = 40_000
MOST_MILLISECONDS = 50.0
KINDS = ("remembered", "asked for", "unknown")

_UNKNOWN = AuthAnswer(charging_allowed=False, reason=Reason.UNKNOWN_RFID_TAG_ID).to_json()
_PATTERN = ("remembered",) * 8 + ("asked for", "unknown")
"""Of ten taps."""


async def measure_taps_mixed() -> Result:
    """Ask for a minute, every answer looked at; a wrong one ends the measurement."""
    id_tags = tag_ids(LISTED_TAGS)
    async with tap_hosts(id_tags) as hosts:
        url = hosts.ours.address
        async with connections_to(url, IN_FLIGHT) as connections:
            await one_after_the_other(connections, calls_of(tap, url, id_tags[:REMEMBERED_TAGS]))
            latencies = await one_after_the_other(connections, calls_for(SECONDS, url, id_tags))
        await quiet()
    return _result(latencies)


def calls_for(seconds: float, url: str, id_tags: list[str]) -> Iterator[Call]:
    """Taps in their proportions until the time is over, or the list's tags are."""
    end = time.monotonic() + seconds
    remembered, fresh = cycle(id_tags[:REMEMBERED_TAGS]), iter(id_tags[REMEMBERED_TAGS:])
    chargers = cycle(CHARGER_IDS)
    for number, kind in enumerate(cycle(_PATTERN)):
        charger_id = next(chargers)
        if time.monotonic() >= end:
            return
        if kind == "unknown":
            body = question(charger_id, f"NOBODY{number:010d}")
            yield Call.post(f"{url}/api/realtime-auth", body, _UNKNOWN, TOKEN)
            continue
        id_tag = next(remembered) if kind == "remembered" else next(fresh, None)
        if id_tag is None:
            return
        yield tap(url, charger_id, id_tag)


def _result(latencies: Latencies) -> Result:
    p50, p99, p999 = (latencies.percentile(percent) for percent in (50, 99, 99.9))
    is_met = p999 <= MOST_MILLISECONDS
    return Result(
        title="Taps as they come",
        how=(
            f"For {latencies.seconds:.0f} s always {IN_FLIGHT} on the way: of ten taps eight of {REMEMBERED_TAGS} tags "
            "that are remembered, one of a listed tag that is not, one of a tag that no list has. Each answer is "
            "looked at, and a wrong one ends the measurement. So the worker is as busy as it can be, storage with it, "
            "and the client runs on the same two cores."
        ),
        tables=[
            Table(
                title="Milliseconds to an answer",
                columns=["taps", "answers/s", "p50", "p99", "p99.9", "slowest"],
                rows=[
                    [
                        f"{len(latencies.milliseconds):,}",
                        f"{latencies.answers_a_second:,.0f}",
                        *(f"{each:.1f}" for each in (p50, p99, p999, latencies.milliseconds[-1])),
                    ]
                ],
            )
        ],
        goals=[
            Goal(
                what=f"p99.9 with {IN_FLIGHT} on the way, in milliseconds",
                wanted=f"at most {MOST_MILLISECONDS:.0f}",
                measured=f"{p999:.1f}",
                is_met=is_met,
                reason=""
                if is_met
                else f"At saturation half of all wait {p50:.0f} ms for their turn. Of each ten taps two wait for "
                "Azurite, which does one thing at a time and writes every decision, too, on one of the two cores.",
            ),
            Goal(what="wrong answers", wanted="none", measured="none", is_met=True),
        ],
    )
