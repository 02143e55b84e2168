"""Reading a message: bytes to its type and fields, against pydantic and msgspec, told the right model beforehand."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence

import orjson

from bench.day import day_of
from bench.results import Goal, Result, Table
from bench.rounds import Cost, Side, all_of, in_turns, speed_ratio
from bench.typed_decoding import decoders
from shared.emabler.bodies import elements
from shared.emabler.push import read_message
from shared.emabler.push_messages import MODELS, PushMessage

CHARGERS = 1000
ROUNDS = 12
MESSAGES_A_ROUND = 6000
WANTED = 0.85
_ALL = "the day's mix"
WANTED_AGAINST_MSGSPEC = 0.15
_OURS, _TWO_STEPS, _REFERENCE = "elements + read_message", "orjson.loads + model_validate", "model_validate_json"
_MSGSPEC = "msgspec"

_Typed = tuple[type[PushMessage], bytes]


async def measure_parse() -> Result:
    """Measure reading by type, and for the day's mix, which is what the goal is about."""
    day = _by_type(day_of(CHARGERS))
    costs = {name: await in_turns(_sides(messages), ROUNDS) for name, messages in day.items()}
    mix = speed_ratio(costs[_ALL][_OURS], costs[_ALL][_REFERENCE])
    against_msgspec = speed_ratio(costs[_ALL][_OURS], costs[_ALL][_MSGSPEC])
    return Result(
        title="Reading and classifying a message",
        how=(
            f"`elements` and `read_message` on {MESSAGES_A_ROUND:,} bodies a round, {ROUNDS} rounds, against the right "
            "model's `model_validate_json` on the same bytes. Between them, for what the difference is made of: "
            "`orjson.loads` and the right model's `model_validate` on its result, which is ours without telling the "
            "type and looking for what is new. And msgspec's decoder, told the same names and types, which makes no "
            "times of texts."
        ),
        tables=[
            Table(
                title="Microseconds a message, and how many times as fast as the reference",
                columns=["type", _OURS, _TWO_STEPS, _REFERENCE, _MSGSPEC, "ours", "the two steps"],
                rows=[_row(name, of_type) for name, of_type in costs.items()],
            )
        ],
        goals=[
            Goal(
                what="speed against `model_validate_json`, the day's mix",
                wanted=f"at least {WANTED}",
                measured=mix.text(2),
                is_met=mix.median >= WANTED,
                reason="" if mix.median >= WANTED else _reason(costs[_ALL]),
            ),
            Goal(
                what="speed against msgspec, the day's mix",
                wanted=f"at least {WANTED_AGAINST_MSGSPEC}",
                measured=against_msgspec.text(2),
                is_met=against_msgspec.median >= WANTED_AGAINST_MSGSPEC,
                reason=""
                if against_msgspec.median >= WANTED_AGAINST_MSGSPEC
                else f"pydantic alone is at {speed_ratio(costs[_ALL][_REFERENCE], costs[_ALL][_MSGSPEC]).text(2)}.",
            ),
        ],
    )


def _by_type(bodies: list[bytes]) -> dict[str, list[_Typed]]:
    """A round's messages of each type, and of the day's mix."""
    found: dict[str, list[_Typed]] = defaultdict(list)
    for body in bodies:
        event_type, _, _ = read_message(elements(body)[0].value)
        typed = (MODELS[event_type], body)
        found[_ALL].append(typed)
        found[event_type].append(typed)
    return {name: _evenly(messages, MESSAGES_A_ROUND) for name, messages in found.items()}


def _evenly(messages: Sequence[_Typed], wanted: int) -> list[_Typed]:
    """That many of the messages, spread over all of them; some more than once where there are fewer."""
    return [messages[place * len(messages) // wanted] for place in range(wanted)]


def _sides(messages: Sequence[_Typed]) -> dict[str, Side]:
    typed = decoders()
    decoded_by = [(typed[model], body) for model, body in messages]

    def ours() -> None:
        for _, body in messages:
            for element in elements(body):
                read_message(element.value)

    def two_steps() -> None:
        for model, body in messages:
            model.model_validate(orjson.loads(body))

    def reference() -> None:
        for model, body in messages:
            model.model_validate_json(body)

    def msgspec() -> None:
        for decode, body in decoded_by:
            decode(body)

    return {
        _OURS: _side(ours),
        _TWO_STEPS: _side(two_steps),
        _REFERENCE: _side(reference),
        _MSGSPEC: _side(msgspec),
    }


def _side(work: Callable[[], None]) -> Side:
    async def round_of_work(_number: int) -> None:
        work()

    return all_of(round_of_work)


def _row(name: str, costs: dict[str, list[Cost]]) -> list[str]:
    return [
        name,
        *(f"{_microseconds(side):.2f}" for side in costs.values()),
        *(speed_ratio(costs[side], costs[_REFERENCE]).text(2) for side in (_OURS, _TWO_STEPS)),
    ]


def _reason(costs: dict[str, list[Cost]]) -> str:
    ours, two_steps = _microseconds(costs[_OURS]), _microseconds(costs[_TWO_STEPS])
    return (
        "The type is in no field, so the JSON has to be parsed before the model is known, and the event's identity "
        "needs it parsed anyway. Parsing it and then reading the fields from the result, without a line of ours, ends "
        f"at {speed_ratio(costs[_TWO_STEPS], costs[_REFERENCE]).text(2)} of the reference's speed. The other "
        f"{ours - two_steps:.2f} µs of {ours:.2f} are ours: telling the type, and looking at every name for another "
        "case and for what is new."
    )


def _microseconds(costs: list[Cost]) -> float:
    return statistics.median(cost.seconds for cost in costs) * 1e6 / MESSAGES_A_ROUND
