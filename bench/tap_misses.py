"""A tap that has to ask storage for its tag, against a function that reads one row with azure-data-tables, over HTTP.

Every tap is of another tag of the list, so none is remembered; the charger and the list in use are, as in life. The
reading function records nothing. So it is measured a second time beside a process that writes as many decisions into
the same Azurite as ours does, which shows what those writes alone make others wait: Azurite does one thing at a time.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from bench.http_calls import Call, one_after_the_other
from bench.results import Goal, Result, Table
from bench.rounds import in_turns, ratios
from bench.tap_hosts import FIGURES, Asked, asking, decision_writer, figures, percentiles, tap_hosts
from bench.tap_world import calls_of, one_row, tag_ids, tap

ROUNDS = 5
CALLS = 600
DECISIONS_A_SECOND = 300
"""About as many as ours writes while it is measured."""
MOST_RATIO = 1.2

TAP, ROW, ROW_BESIDE_WRITES = "tap", "one row", "one row, beside as many decisions"


async def measure_tap_misses() -> Result:
    """Measure the three in turns, one call on the way."""
    id_tags = tag_ids(3 * (ROUNDS + 1) * CALLS)
    async with tap_hosts(id_tags) as hosts:
        fresh = iter(id_tags)

        def calls(make: Callable[[str, str, str], Call], url: str) -> Callable[[], list[Call]]:
            return lambda: calls_of(make, url, islice(fresh, CALLS))

        taps, rows = calls(tap, hosts.ours.address), calls(one_row, hosts.nothing.address)
        writer = decision_writer(hosts.storage, DECISIONS_A_SECOND)
        sides = {
            TAP: asking(hosts.ours, one_after_the_other, 1, taps),
            ROW: asking(hosts.nothing, one_after_the_other, 1, rows),
            ROW_BESIDE_WRITES: asking(hosts.nothing, one_after_the_other, 1, rows, writer),
        }
        turns = await in_turns(sides, ROUNDS)
    return _result(turns, len(id_tags))


def _result(turns: Mapping[str, Sequence[Asked]], tags: int) -> Result:
    return Result(
        title="Taps of tags that are not remembered",
        how=(
            f"{CALLS:,} POSTs a turn, one on the way, {ROUNDS} rounds, each of another tag of a list of {tags:,}; the "
            "charger is known. Against a function that reads the tag's row with a `TableClient` of azure-data-tables "
            "that it keeps open, gets the keys ready-made and answers `{}`. Our own turns write their decisions; the "
            "reading function is measured without and with a process that writes as many into the same Azurite."
        ),
        tables=[
            Table(
                title="Milliseconds to an answer, answers a second, processor time of the host",
                columns=["", *FIGURES],
                rows=[[name, *figures(asked)] for name, asked in turns.items()],
            )
        ],
        goals=goals(turns),
    )


def goals(turns: Mapping[str, Sequence[Asked]]) -> list[Goal]:
    """What was to be reached, at the median and at p99."""
    return [_goal(turns, percent) for percent in (50, 99)]


def _goal(turns: Mapping[str, Sequence[Asked]], percent: int) -> Goal:
    ours, row, row_beside_writes = (percentiles(turns[name], percent) for name in (TAP, ROW, ROW_BESIDE_WRITES))
    ratio, floor, against_floor = ratios(ours, row), ratios(row_beside_writes, row), ratios(ours, row_beside_writes)
    is_met = ratio.median <= MOST_RATIO
    reason = (
        f"Writing the decisions keeps Azurite, which does one thing at a time, from answering: beside as many writes "
        f"of another process the reading function itself takes {floor.text(2)} times as long as without. Against that "
        f"a tap takes {against_floor.text(2)} times as long."
    )
    return Goal(
        what=f"p{percent} against a function that reads one row",
        wanted=f"at most {MOST_RATIO:.2f}",
        measured=ratio.text(2),
        is_met=is_met,
        reason="" if is_met else reason,
    )
