"""A session as REST tells it, and as the tables have it: what joining and comparing look at (pure)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from shared.emabler.rest.answers import PolledSession
from shared.events import Clock, FragmentKind, SessionFragment
from shared.ingest.fragments import Fragment, readable_fragments
from shared.ingest.sessions import assemble
from shared.instants import Instant
from shared.tables.keys import polled_session_row_key, transaction_row_key
from shared.tables.store import EdmValue, StoredRow

_PREFIX: Final = "polled-"
_ID_LENGTH: Final = 32


def polled_id(session: PolledSession) -> str:
    """What tells a polled session from all others, the same in every poll: eMabler's id, or where, when and who.

    The charger's own id is used again, so it counts with the start only. A digest, in the place of an event id, because
    it may be made of a tag.
    """
    parts: tuple[object, ...]
    if session.transaction_id is not None:
        parts = (session.charger_id, "id", session.transaction_id)
    elif session.evse_transaction_id is not None:
        parts = (session.charger_id, "evse", session.evse_transaction_id, session.started_at)
    else:
        parts = (session.charger_id, session.socket_id, session.started_at, canonical_tag(session.id_tag))
    return _PREFIX + hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:_ID_LENGTH]


def polled_fragment(session: PolledSession) -> Fragment:
    """What REST tells of a session, as a fragment of it."""
    return Fragment(
        told=SessionFragment(
            kind=FragmentKind.POLL,
            started_at=session.started_at,
            ended_at=session.ended_at,
            energy_wh=session.energy_wh,
            id_tag=session.id_tag,
            socket_name=session.socket_name,
        ),
        event_id=polled_id(session),
        occurred_at=session.ended_at if session.ended_at is not None else session.started_at,
        clock=Clock.DEVICE,
        socket_id=session.socket_id,
        site_id=session.site_id,
    )


def own_row_key(session: PolledSession) -> str:
    """Where a session is kept that joins nothing: where push would keep it, if that is known for sure.

    Push calls sessions by the charger's own id of them. Whether it calls them by eMabler's is not documented.
    """
    if session.evse_transaction_id is not None:
        return transaction_row_key(session.charger_id, session.evse_transaction_id)
    return spare_row_key(session)


def spare_row_key(session: PolledSession) -> str:
    """Where a session is kept that joins nothing, where its own key is that of another session."""
    return polled_session_row_key(session.charger_id, session.transaction_id or polled_id(session))


def canonical_tag(id_tag: str | None) -> str | None:
    """Tags are the same whatever the case of their letters (OCPP's CiString)."""
    return id_tag.strip().upper() if id_tag is not None else None


@dataclass(frozen=True)
class KeptSession:
    """A session as the tables have it."""

    stored: StoredRow

    @property
    def row_key(self) -> str:
        """Its key in the charger's partition."""
        return str(self.stored.row["RowKey"])

    @property
    def transaction_id(self) -> str | None:
        """Its id, where it has one."""
        value = self.stored.row.get("transaction_id")
        return value if isinstance(value, str) else None

    @cached_property
    def fragments(self) -> list[Fragment]:
        """What it is made of; nothing where somebody spoiled it."""
        return readable_fragments(self.stored.row)

    @cached_property
    def pushed_fragments(self) -> list[Fragment]:
        """What push told of it."""
        return [fragment for fragment in self.fragments if fragment.told.kind is not FragmentKind.POLL]

    @cached_property
    def polled_fragments(self) -> list[Fragment]:
        """What REST told of it."""
        return [fragment for fragment in self.fragments if fragment.told.kind is FragmentKind.POLL]

    @cached_property
    def polled_ids(self) -> frozenset[str]:
        """Which polled sessions were joined to it."""
        return frozenset(fragment.event_id for fragment in self.polled_fragments)

    @cached_property
    def pushed(self) -> "Told | None":
        """The session as push alone tells it; None where REST alone knows of it."""
        return told_by(self.pushed_fragments)

    @cached_property
    def polled(self) -> "Told | None":
        """The session as REST alone tells it; None where push alone knows of it."""
        return told_by(self.polled_fragments)


@dataclass(frozen=True, slots=True)
class Told:
    """A session as one side tells it."""

    socket_id: str | None
    id_tag: str | None
    started_at: Instant | None
    ended_at: Instant | None
    energy_wh: int | None


def told_by(fragments: Sequence[Fragment]) -> Told | None:
    """The session that fragments, given from old to new, tell together; None where there are none."""
    if not fragments:
        return None
    columns = assemble(list(fragments))
    return Told(
        socket_id=_text(columns["socket_id"]),
        id_tag=canonical_tag(_text(columns["id_tag"])),
        started_at=_instant(columns["started_at"]),
        ended_at=_instant(columns["ended_at"]),
        energy_wh=_whole(columns["energy_wh"]),
    )


def told_by_rest(session: PolledSession) -> Told:
    """The session as REST tells it."""
    return Told(
        session.socket_id, canonical_tag(session.id_tag), session.started_at, session.ended_at, session.energy_wh
    )


def _text(value: EdmValue) -> str | None:
    return value if isinstance(value, str) else None


def _instant(value: EdmValue) -> Instant | None:
    return value if isinstance(value, Instant) else None


def _whole(value: EdmValue) -> int | None:
    return int(value) if isinstance(value, int) and not isinstance(value, Instant | bool) else None
