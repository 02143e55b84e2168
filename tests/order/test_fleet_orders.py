"""Random orders of fifty messages of five chargers, with polls among them, by any doors: the same rows.

`make test` tries some, ORDER_RUNS=1000 more, ORDER_ON_AZURITE=720 a third of so many on Azurite. A failure names its
seed; ORDER_SEED=... makes other orders.
"""

import os
from random import Random

import pytest

from shared.emabler.rest.answers import PolledSession
from shared.instants import Instant
from tests.order.conftest import EmptyTables
from tests.order.deliveries import Told, tell
from tests.order.deployment import Deployment
from tests.order.rows import Rows, differences, everything
from tests.order.telling import Message, Session, boot, charger_by_rest, in_words_of_ex, later, state
from tests.support.fake_emabler import FakeEmabler
from tests.support.messages import body

SEED = os.environ.get("ORDER_SEED", "1")
RUNS = int(os.environ.get("ORDER_RUNS", "60"))
ON_AZURITE = int(os.environ.get("ORDER_ON_AZURITE", "12")) // 3
SHARES = 10
"""Into how many tests the runs are divided, so that none comes near the time-out."""

pytestmark = pytest.mark.timeout(900)
"""For the long form."""

EVENING = Instant.from_iso("2025-03-31T22:00:00.0000000Z")
"""The fleet works into another month."""
NO_JSON = b"ChargerState;C1;Available"
CHARGERS = ("C1", "C2", "C3/#", "C4", "C5")


def _session(number: int) -> Session:
    began_at = later(EVENING, 900 + 600 * number)
    return Session(CHARGERS[number], str(number + 1), began_at, later(began_at, 6000), 5000 + number, f"TAG{number}")


SESSIONS = [_session(number) for number in range(len(CHARGERS))]


def _messages_of(session: Session) -> list[Message]:
    """Ten of a charger's; the first and the last state of its socket are the same, and its controller tells one."""
    began_at = session.began_at
    told = [
        boot(session.charger_id, later(began_at, -300)),
        state(session.charger_id, 0, "Available", later(began_at, -299)),
        state(session.charger_id, 1, "Available", later(began_at, -298)),
        session.start(),
        session.charging(),
        session.measured(),
        state(session.charger_id, 1, "SuspendedCAR", later(session.ended_at, -60)),
        session.stop(),
        session.full(),
        session.free(),
    ]
    return [in_words_of_ex(message) for message in told] if session.charger_id == "C4" else told


MESSAGES = [message for session in SESSIONS for message in _messages_of(session)]
BODIES = [*(body(message) for message in MESSAGES[:-1]), body(MESSAGES[-1] | {"fanSpeed": 3}), NO_JSON]


class Rest:
    """What REST has at a moment, in every poll of that moment: the same truth that push tells."""

    def __init__(self) -> None:
        self.api = FakeEmabler()
        self.now = EVENING

    def poll_at(self, moment: Instant) -> Told:
        """Both timers, at that moment."""

        async def poll(deployment: Deployment) -> None:
            self.now = moment
            self.api.sessions_now = list(map(_by_rest, SESSIONS))
            for session in SESSIONS:
                told = [one for one in _states_of(session) if _received_at(one) <= moment]
                if told:
                    charger = charger_by_rest(session.charger_id, {1: told[-1]}, moment)
                    self.api.chargers_now[session.charger_id] = charger
            await deployment.poll_chargers()
            await deployment.poll_sessions()

        return poll


def _by_rest(session: Session) -> PolledSession:
    """One charger's ids are known to REST, another's are eMabler's, and the third's not at all."""
    number = CHARGERS.index(session.charger_id) % 3
    return session.by_rest(evse=number == 0, number=session.transaction_id if number == 1 else None)


def _states_of(session: Session) -> list[Message]:
    return [message for message in _plain_messages(session) if "status" in message and message["socketId"] == 1]


def _plain_messages(session: Session) -> list[Message]:
    return [
        {("receivedTimestamp" if name == "timeStamp" else name): value for name, value in message.items()}
        for message in _messages_of(session)
    ]


def _received_at(message: Message) -> Instant:
    return Instant.from_iso(str(message["receivedTimestamp"]))


POLLED_AT = [later(EVENING, seconds) for seconds in (1500, 4000, 7000, 9000, 12000)]


async def _rows_after(empty: EmptyTables, seed: str | None) -> Rows:
    """Rows after an order of chance, or after all in order of time where there is no seed; and a last poll."""
    rest = Rest()
    polls = [rest.poll_at(moment) for moment in POLLED_AT]
    tables = await empty()
    deployment = Deployment(tables, rest.api, lambda: rest.now)
    chance = Random(seed or "in order")
    told: list[Told] = [*BODIES] if seed is None else [*chance.sample(BODIES, len(BODIES))]
    if seed is not None:
        for position, poll in zip(sorted(chance.choices(range(len(told) + 1), k=len(polls))), polls, strict=True):
            told.insert(position + polls.index(poll), poll)
    await tell(deployment, told, chance)
    await tell(deployment, polls[-1:], chance)
    return await everything(tables)


@pytest.mark.parametrize("share", range(SHARES))
async def test_random_orders_of_a_fleets_messages_end_in_the_same_rows(in_memory, share):
    """With repeats, in any batches, over queue, webhook and polls."""
    expected = await _rows_after(in_memory, None)
    for number in range(share, RUNS, SHARES):
        found = differences(await _rows_after(in_memory, f"{SEED} {number}"), expected)
        assert not found, f"ORDER_SEED={SEED}, order {number}: {found}"


async def test_random_orders_of_a_fleets_messages_end_in_the_same_rows_on_azurite(on_azurite, in_memory):
    """A sample, held to the rows in memory."""
    expected = await _rows_after(in_memory, None)
    for number in range(ON_AZURITE):
        found = differences(await _rows_after(on_azurite, f"{SEED} azurite {number}"), expected)
        assert not found, f"ORDER_SEED={SEED}, order azurite {number}: {found}"
