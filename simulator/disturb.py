"""What becomes of messages on their way: repeats, disorder, delays, other spellings of the same JSON, and oddities."""

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from simulator.chance import happens
from simulator.fleet import DEFAULT_START
from simulator.messages import Message, Oddity
from simulator.moments import ticks, ticks_of, write_time

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NEIGHBOURHOOD = 20
"""How many places a message out of order is off, at most; and how soon most repeats come."""
_LARGEST_ARRAY = 5


def oddities(seed: int, count: int = 1) -> list[Message]:
    """Messages that no document describes: so many that are no JSON, and as many of an unknown type."""
    rng = random.Random(f"oddities {seed}")
    return [make(rng) for _ in range(count) for make in (_cut_off, _of_unknown_type)]


def disturb(
    messages: Iterable[Message],
    seed: int,
    *,
    repeats: float = 0.10,
    disorder: float = 0.05,
    late: float = 0.01,
    wrapped: float = 0.01,
) -> list[bytes]:
    """The bodies as they are delivered: every message at least once, the same for the same arguments.

    `repeats`, `disorder` and `late` are shares of the messages that come again (in another spelling of the same JSON
    half of the time), a few places off, and anywhere until the end. `wrapped` is the share of deliveries that come in
    an array of several, after a byte order mark, or inside a JSON string.
    """
    rng = random.Random(f"disturb {seed}")
    originals = list(messages)
    arrivals: list[tuple[float, Message, bytes]] = []
    for place, message in enumerate(originals):
        arrivals.append((_arrival(place, len(originals), rng, disorder, late), message, message.body))
        if happens(rng, repeats):
            repeat = _respelled(message, rng) if happens(rng, 0.5) else message.body
            arrivals.append((place + rng.expovariate(1 / _NEIGHBOURHOOD), message, repeat))
    arrivals.sort(key=lambda arrival: arrival[0])
    return list(_wrap([(message, body) for _, message, body in arrivals], wrapped, rng))


def _arrival(place: int, count: int, rng: random.Random, disorder: float, late: float) -> float:
    chance = rng.random()
    if chance < late:
        return rng.uniform(place, count)
    if chance < late + disorder:
        return place + rng.uniform(1, _NEIGHBOURHOOD)
    return place


def _respelled(message: Message, rng: random.Random) -> bytes:
    """The same JSON with its keys in another order and other white space."""
    if message.meaning is Oddity.NOT_JSON:
        return message.body
    fields = list(json.loads(message.body).items())
    rng.shuffle(fields)
    return json.dumps(dict(fields), indent=rng.choice((None, 2))).encode()


def _wrap(deliveries: Sequence[tuple[Message, bytes]], wrapped: float, rng: random.Random) -> Iterator[bytes]:
    array: list[Any] = []
    array_length = 0
    for message, body in deliveries:
        if message.meaning is Oddity.NOT_JSON:
            yield body
        elif array or happens(rng, wrapped / 3):
            array_length = array_length if array else rng.randint(2, _LARGEST_ARRAY)
            array.append(json.loads(body))
            if len(array) == array_length:
                yield json.dumps(array).encode()
                array = []
        elif happens(rng, wrapped * 2 / 3):
            yield rng.choice((_with_byte_order_mark, _in_a_string))(body)
        else:
            yield body
    if array:
        yield json.dumps(array).encode()


def _with_byte_order_mark(body: bytes) -> bytes:
    return _BYTE_ORDER_MARK + body


def _in_a_string(body: bytes) -> bytes:
    return json.dumps(body.decode()).encode()


def _cut_off(rng: random.Random) -> Message:
    body = json.dumps(_alien(rng)).encode()
    return Message(body[: -rng.randint(2, 20)], Oddity.NOT_JSON)


def _of_unknown_type(rng: random.Random) -> Message:
    return Message(json.dumps(_alien(rng)).encode(), Oddity.UNKNOWN_TYPE)


def _alien(rng: random.Random) -> dict[str, Any]:
    """A message as a later version of the Push API might send it."""
    at = ticks_of(DEFAULT_START) + ticks(rng.uniform(0, 86_400))
    return {
        "chargerId": f"SIM-{rng.randrange(10_000):05d}",
        "receivedTimestamp": write_time(at),
        "tariffId": str(rng.randrange(10_000)),
        "pricePerKwh": round(rng.uniform(0.1, 0.9), 2),
    }
