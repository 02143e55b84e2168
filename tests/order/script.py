"""What the machine's fleet does: three chargers and their sessions in three months, as push and as REST tell it."""

from shared.instants import Instant
from shared.tables.keys import socket_row_key
from tests.order.ledger import Known, known
from tests.order.telling import Message, Session, boot, charger_by_rest, later, respelled, state
from tests.support.fake_emabler import FakeEmabler
from tests.support.messages import body

FEBRUARY = Instant.from_iso("2025-02-28T23:00:00.0000000Z")
MARCH = Instant.from_iso("2025-03-31T23:00:00.0000000Z")
NOW = Instant.from_iso("2025-04-02T12:00:00.0000000Z")
"""When the machine begins: all of it has happened, and nothing of it has been told."""

SESSIONS = (
    Session("C1", "77", FEBRUARY, later(FEBRUARY, 7200)),
    Session("C2", "5", later(FEBRUARY, 600), later(FEBRUARY, 5000), 4000, "TAG2"),
    Session("C1", "78", MARCH, later(MARCH, 7200), 3000, "TAG3"),
    Session("C3", "9", later(MARCH, 600), later(MARCH, 5000), 2000),
)


def _told(session: Session) -> list[Message]:
    return [
        boot(session.charger_id, later(session.began_at, -300)),
        state(session.charger_id, 0, "Available", later(session.began_at, -299)),
        session.start(),
        session.charging(),
        session.measured(60),
        session.measured(3600),
        session.stop(),
        session.full(),
        session.free(),
    ]


MESSAGES: list[Message] = [message for session in SESSIONS for message in _told(session)]
NO_JSON = b"ChargerState;C1;Available"
"""Goes to quarantine, whatever else happens."""

BODIES = [*map(body, MESSAGES), NO_JSON]
KNOWN: dict[bytes, Known] = {
    spelling: known(message) for message in MESSAGES for spelling in (body(message), respelled(body(message)))
}
"""What each body is that may come, in both spellings."""

NEWEST_STATES = {
    socket_row_key(session.charger_id, str(session.socket_id)): known(session.free()).event_id for session in SESSIONS
}
"""The event that tells a socket's newest state, by the row of `ChargerStatus`; REST knows of it in any case."""


def rest_knows(api: FakeEmabler, now: Instant) -> None:
    """What REST has at a moment: all sessions, each by another id or none, and the last states."""
    first, second, third, fourth = SESSIONS
    by_emablers_id = second.by_rest(evse=False, number=second.transaction_id)
    api.sessions_now = [first.by_rest(), by_emablers_id, third.by_rest(evse=False), fourth.by_rest()]
    last = {session.charger_id: session.free() for session in SESSIONS}
    for charger_id, message in last.items():
        api.chargers_now[charger_id] = charger_by_rest(charger_id, {1: message}, now)
