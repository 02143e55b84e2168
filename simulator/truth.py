"""What is true after a set of messages, whatever the order and number of their deliveries.

It is read off what the simulator meant by each message, never off a body, so it shares no mistake with a reader of
bodies.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from simulator.happenings import Happening, Kind, Reading
from simulator.messages import Message, Oddity
from simulator.moments import iso

REPORT_ONLY = "Info"
"""The status that is a report and no state."""

UNKNOWN_TYPE = "Unknown"
"""Under this name `Truth.events` counts messages of no documented type."""


@dataclass(frozen=True, slots=True)
class NewestStatus:
    """A socket's newest state. `error_code` is in OCPP's spelling ("NoError")."""

    status: str
    error_code: str
    message: str
    received_at: str


@dataclass(slots=True)
class SessionTruth:
    """What its messages tell of a session. The full transaction's word counts most, then the stop's, then the start's.

    Times and meter reads are None until a message tells them.
    """

    socket_id: str
    id_tag: str
    started_at: str | None = None
    ended_at: str | None = None
    meter_start_wh: int | None = None
    meter_stop_wh: int | None = None
    has_start: bool = False
    has_stop: bool = False
    has_full: bool = False

    @property
    def energy_wh(self) -> int | None:
        """The energy taken; None until both ends are told."""
        if self.meter_start_wh is None or self.meter_stop_wh is None:
            return None
        return self.meter_stop_wh - self.meter_start_wh

    @property
    def state(self) -> str:
        """`complete` after the full transaction, `ended` after a stop, else `open`."""
        if self.has_full:
            return "complete"
        return "ended" if self.has_stop else "open"


@dataclass(frozen=True, slots=True)
class MeasuredTruth:
    """The values of one message, in base units (Wh, W, A, V, Percent). V1 does not tell the transaction."""

    charger_id: str
    socket_id: str
    transaction_id: str | None
    received_at: str
    readings: tuple[Reading, ...]


@dataclass(slots=True)
class Truth:
    """What must be stored after the messages. Ids are texts, times UTC with seven fractional digits and `Z`."""

    events: Counter[str] = field(default_factory=Counter)
    """Distinct events by message type."""
    statuses: dict[tuple[str, str], NewestStatus] = field(default_factory=dict)
    """By charger and socket; the main controller is socket "0"."""
    sessions: dict[tuple[str, str], SessionTruth] = field(default_factory=dict)
    """By charger and transaction."""
    measurements: list[MeasuredTruth] = field(default_factory=list)
    not_json: list[bytes] = field(default_factory=list)
    """The distinct bodies that are no JSON."""
    unknown: list[bytes] = field(default_factory=list)
    """The distinct bodies of no documented type; they are counted in `events`, too."""

    @classmethod
    def of(cls, messages: Iterable[Message]) -> "Truth":
        """The truth of these messages; a message that is there twice counts once."""
        truth = cls()
        distinct = {message.body: message for message in messages}.values()
        happenings = [message.meaning for message in distinct if isinstance(message.meaning, Happening)]
        truth.events.update(happening.kind.message_type for happening in happenings)
        truth.statuses = _newest_statuses(happenings)
        truth.sessions = _sessions(happenings)
        truth.measurements = [_measured(happening) for happening in happenings if happening.kind is Kind.MEASUREMENTS]
        truth.not_json = [message.body for message in distinct if message.meaning is Oddity.NOT_JSON]
        truth.unknown = [message.body for message in distinct if message.meaning is Oddity.UNKNOWN_TYPE]
        if truth.unknown:
            truth.events[UNKNOWN_TYPE] = len(truth.unknown)
        return truth


def _newest_statuses(happenings: list[Happening]) -> dict[tuple[str, str], NewestStatus]:
    states = [happening for happening in happenings if happening.kind is Kind.STATE and happening.status != REPORT_ONLY]
    # A later assignment replaces an earlier one, so the newest stays.
    return {
        (happening.charger.charger_id, str(happening.socket_id)): NewestStatus(
            happening.status or "", happening.error_code or "", happening.message or "", iso(happening.received_at)
        )
        for happening in sorted(states, key=lambda happening: happening.received_at)
    }


def _sessions(happenings: list[Happening]) -> dict[tuple[str, str], SessionTruth]:
    sessions: dict[tuple[str, str], SessionTruth] = {}
    # In this order, so that the word that counts most comes last.
    for kind, tell in ((Kind.START, _tell_start), (Kind.STOP, _tell_stop), (Kind.FULL, _tell_full)):
        for happening in happenings:
            if happening.kind is kind:
                key = (happening.charger.charger_id, str(happening.transaction_id))
                session = SessionTruth(str(happening.socket_id), happening.id_tag or "")
                tell(sessions.setdefault(key, session), happening)
    return sessions


def _tell_start(session: SessionTruth, start: Happening) -> None:
    session.has_start = True
    session.started_at = iso(_told_time(start))
    session.meter_start_wh = start.meter_start_wh


def _tell_stop(session: SessionTruth, stop: Happening) -> None:
    session.has_stop = True
    session.ended_at = iso(_told_time(stop))
    session.meter_stop_wh = stop.meter_end_wh


def _tell_full(session: SessionTruth, full: Happening) -> None:
    session.has_full = True
    session.started_at = None if full.started_at is None else iso(full.started_at)
    session.ended_at = None if full.ended_at is None else iso(full.ended_at)
    session.meter_start_wh, session.meter_stop_wh = full.meter_start_wh, full.meter_end_wh


def _told_time(happening: Happening) -> int:
    """The charger's own time; the platform's where the message has no other (V1)."""
    return happening.received_at if happening.device_at is None else happening.device_at


def _measured(happening: Happening) -> MeasuredTruth:
    is_told = happening.transaction_id is not None
    return MeasuredTruth(
        charger_id=happening.charger.charger_id,
        socket_id=str(happening.socket_id),
        transaction_id=str(happening.transaction_id) if is_told else None,
        received_at=iso(happening.received_at),
        readings=happening.readings,
    )
