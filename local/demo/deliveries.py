"""What the demo sends: a day of a simulated fleet, the documented messages, and what else arrives in real life."""

import json
import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.demo.errors import DemoFailed
from local.stack.services import REPOSITORY
from simulator import Fleet, Message, Truth, disturb, oddities
from simulator.happenings import Generation, Happening, Kind
from simulator.moments import TICKS_PER_DAY
from simulator.truth import SessionTruth

DOCUMENTED_MESSAGES = REPOSITORY / "tests" / "fixtures" / "messages"
CHARGERS = 40
_SEED = 7
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class LostPush:
    """One push that is lost on purpose, of a day that the platform knows whole."""

    fleet: Fleet
    happenings: list[Happening]
    """All that the platform received that day, what it lost on the way to the operator among it."""
    session: tuple[str, str]
    """Charger and transaction of the session whose full transaction is never delivered."""
    truth: SessionTruth
    """What is true of that session."""

    @property
    def ends_at(self) -> int:
        """The end of the day, in the simulator's ticks."""
        return self.fleet.start_ticks + TICKS_PER_DAY


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
    lost: LostPush | None = None

    @property
    def lost_push(self) -> LostPush:
        """The push that is lost. Raises DemoFailed where none is."""
        if self.lost is None:
            raise DemoFailed("This plan loses no push.")
        return self.lost

    @property
    def quarantined_deliveries(self) -> Counter[bytes]:
        """How often each body came that is no JSON."""
        not_json = set(self.truth.not_json)
        return Counter(body for body in self.deliveries if body in not_json)


def make_plan() -> Plan:
    """A day of the same fleet, the one before yesterday. Raises DemoFailed where documented messages are missing."""
    fleet = Fleet(seed=_SEED, chargers=CHARGERS, start=_day_before_yesterday())
    received = fleet.day()
    lost = _one_to_lose(received)
    session = (lost.charger.charger_id, str(lost.transaction_id))
    messages = [*(message for message in received if message.meaning is not lost), *oddities(_SEED)]
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
        lost=LostPush(
            fleet=fleet,
            happenings=[message.meaning for message in received if isinstance(message.meaning, Happening)],
            session=session,
            truth=Truth.of(received).sessions[session],
        ),
    )


def _day_before_yesterday() -> datetime:
    """Its midnight in UTC: polls look back three days, and what is silent since then is silent for long."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=2)


def _one_to_lose(received: list[Message]) -> Happening:
    """The full transaction of a session whose start is told, and which has no stop of its own."""
    happenings = [message.meaning for message in received if isinstance(message.meaning, Happening)]
    started = {(one.charger.charger_id, one.transaction_id) for one in happenings if one.kind is Kind.START}
    return next(
        one
        for one in happenings
        if one.kind is Kind.FULL
        and one.charger.generation is not Generation.V1
        and (one.charger.charger_id, one.transaction_id) in started
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
