"""A tap that is answered from memory, against a function that answers without a look, over HTTP."""

from collections.abc import Mapping, Sequence
from functools import partial

from bench.http_calls import at_rate, one_after_the_other
from bench.results import Goal, Result, Table
from bench.rounds import Spread, in_turns, ratios
from bench.tap_hosts import FIGURES, Ask, Asked, asking, decision_writer, figures, percentiles, tap_hosts
from bench.tap_steps import tap_steps
from bench.tap_world import calls_of, nothing, tag_ids, tap

ROUNDS = 5
CALLS = 1000
TAPS_A_SECOND = 300
MOST_RATIO = 1.25
MOST_MILLISECONDS_MORE = 2.0

TAP, NOTHING = "tap", "nothing"
PACED = f"{TAPS_A_SECOND} a second"
BESIDE_WRITES = f"{NOTHING}, {PACED}, beside as many decisions"

_WAYS: Mapping[str, tuple[Ask, int]] = {
    "1 in flight": (one_after_the_other, 1),
    "16 in flight": (one_after_the_other, 16),
    PACED: (partial(at_rate, calls_a_second=TAPS_A_SECOND), 16),
}
"""How the calls are made, and over how many connections. Only the last one is spread over so much time that decisions
are written while others are made; the first two are over before."""


async def measure_taps() -> Result:
    """Measure both functions in turns, in each way to make calls."""
    (id_tag,) = tag_ids(1)
    async with tap_hosts([id_tag]) as hosts:
        taps = calls_of(tap, hosts.ours.address, [id_tag] * CALLS)
        nothings = calls_of(nothing, hosts.nothing.address, [id_tag] * CALLS)
        sides = {}
        for way, (ask, connections) in _WAYS.items():
            sides[side_name(TAP, way)] = asking(hosts.ours, ask, connections, lambda: taps)
            sides[side_name(NOTHING, way)] = asking(hosts.nothing, ask, connections, lambda: nothings)
        writer = decision_writer(hosts.storage, TAPS_A_SECOND)
        sides[BESIDE_WRITES] = asking(hosts.nothing, *_WAYS[PACED], lambda: nothings, writer)
        turns = await in_turns(sides, ROUNDS)
    return _result(turns, await tap_steps())


def side_name(what: str, way: str) -> str:
    """What a side is called: who is asked, and how."""
    return f"{what}, {way}"


def _result(turns: Mapping[str, Sequence[Asked]], steps: Table) -> Result:
    return Result(
        title="Taps, answered from memory",
        how=(
            f"{CALLS:,} POSTs of one tag a turn, {ROUNDS} rounds, over connections that stay open, against "
            "a function that answers `{}` to the same POSTs without a look. Each app, whole, under an embedded host "
            "of its own; a turn ends when all servers are quiet, so that the writing of the decisions into Azurite "
            "is in the turn's processor time. The client runs on the same two cores. Last, the function that does "
            "nothing beside a process that writes as many decisions into the same Azurite as the taps do. With 1 or 16 "
            "in flight a turn's answers are out before its decisions are written, so only the paced taps have the "
            "writing beside them in their p99."
        ),
        tables=[
            Table(
                title="Milliseconds to an answer, answers a second of one worker, processor time of its host",
                columns=["", *FIGURES],
                rows=[[name, *figures(asked)] for name, asked in turns.items()],
            ),
            steps,
        ],
        goals=[goal for way in _WAYS for goal in goals(turns, way)],
    )


def goals(turns: Mapping[str, Sequence[Asked]], way: str) -> list[Goal]:
    """What was to be reached with calls that are made in that way."""
    taps, nothings = turns[side_name(TAP, way)], turns[side_name(NOTHING, way)]
    ours, theirs = percentiles(taps, 99), percentiles(nothings, 99)
    ratio = ratios(ours, theirs)
    more = Spread.of(one - other for one, other in zip(ours, theirs, strict=True))
    cpu = Spread.of(one.cpu_microseconds - other.cpu_microseconds for one, other in zip(taps, nothings, strict=True))
    cpu_of_nothing = Spread.of(asked.cpu_microseconds for asked in nothings)
    reason = (
        f"The writing of its decision included, a tap takes {cpu.median:.0f} µs more of the host's processor time than "
        f"nothing, which takes {cpu_of_nothing.median:.0f}; the table of steps says for what."
    )
    if way == PACED:
        floor = ratios(percentiles(turns[BESIDE_WRITES], 99), theirs)
        reason += (
            " Azurite works on one of the two cores while it writes decisions: beside as many writes of another "
            f"process the function that does nothing itself takes {floor.text(2)} times as long."
        )
    return [
        Goal(
            what=f"p99 against a function that does nothing, {way}",
            wanted=f"at most {MOST_RATIO}",
            measured=ratio.text(2),
            is_met=ratio.median <= MOST_RATIO,
            reason="" if ratio.median <= MOST_RATIO else reason,
        ),
        Goal(
            what=f"milliseconds more than it at p99, {way}",
            wanted=f"at most {MOST_MILLISECONDS_MORE:.0f}",
            measured=more.text(2),
            is_met=more.median <= MOST_MILLISECONDS_MORE,
            reason="" if more.median <= MOST_MILLISECONDS_MORE else reason,
        ),
    ]
