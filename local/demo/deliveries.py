"""What the demo sends: a day of a simulated fleet, the documented messages, and what else arrives in real life."""

import json
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.demo.errors import DemoFailed
from local.stack.services import REPOSITORY
from simulator import Fleet, Truth, disturb, oddities

DOCUMENTED_MESSAGES = REPOSITORY / "tests" / "fixtures" / "messages"
CHARGERS = 40
_SEED = 7
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Plan:
    """The deliveries, in their order, and what must be stored after them."""

    deliveries: list[bytes]
    truth: Truth
    """Of the simulated messages alone."""
    contents: Counter[str]
    """Of every distinct message: its canonical JSON, once each."""
    events_by_type: Counter[str]
    documented: int
    documented_body: bytes
    """One of the documented messages, as it is delivered."""

    @property
    def quarantined_deliveries(self) -> Counter[bytes]:
        """How often each body came that is no JSON."""
        not_json = set(self.truth.not_json)
        return Counter(body for body in self.deliveries if body in not_json)


def make_plan() -> Plan:
    """The same plan every time. Raises DemoFailed where the documented messages are missing."""
    messages = [*Fleet(seed=_SEED, chargers=CHARGERS).day(), *oddities(_SEED)]
    truth = Truth.of(messages)
    documented = _documented_messages()
    contents = {canonical(message.body) for message in messages if message.body not in truth.not_json}
    documented_contents = {canonical(body): event_type for body, event_type in documented}
    return Plan(
        deliveries=_mixed_in(disturb(messages, _SEED), [body for body, _ in documented]),
        truth=truth,
        contents=Counter(contents | documented_contents.keys()),
        events_by_type=truth.events + Counter(documented_contents.values()),
        documented=len(documented),
        documented_body=documented[0][0],
    )


def canonical(body: bytes) -> str:
    """One text for all spellings of the same JSON, also after a byte order mark or inside a JSON string."""
    value: Any = json.loads(body.removeprefix(_BYTE_ORDER_MARK))
    if isinstance(value, str):
        value = json.loads(value)
    return json.dumps(value, sort_keys=True)


def _documented_messages() -> list[tuple[bytes, str]]:
    """Body and type of each; the type is in the file's name, since no message says it."""
    files = sorted(DOCUMENTED_MESSAGES.glob("*/*.json"))
    if not files:
        raise DemoFailed(f"There are no documented messages in {DOCUMENTED_MESSAGES}.")
    return [(file.read_bytes(), _type_of(file)) for file in files]


def _type_of(file: Path) -> str:
    return "".join(word.capitalize() for word in file.stem.split("_"))


def _mixed_in(deliveries: list[bytes], documented: list[bytes]) -> list[bytes]:
    """Each documented message twice, anywhere."""
    rng = random.Random(_SEED)  # noqa: S311  # a reproducible order, no secret
    mixed = list(deliveries)
    for body in documented * 2:
        mixed.insert(rng.randrange(len(mixed) + 1), body)
    return mixed
