"""What a batch of deliveries leaves behind: decided whole before the first row is written, and without any I/O.

Whatever is in a message, the worst that it can do here is go to quarantine: a fault of this app in one message must not
cost the others of its batch, so every message is read and laid out under a guard of its own.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field

from shared.emabler.bodies import Element, elements
from shared.emabler.push import read_event
from shared.errors import Unacceptable
from shared.events import Event
from shared.ingest.quarantine import QuarantineChange
from shared.ingest.rows import Delivery, archive_row, archive_table, measurement_row, measurement_table
from shared.ingest.sessions import SessionChange
from shared.ingest.status import StatusChange
from shared.tables.bodies import StoredBody
from shared.tables.store import TableRow


@dataclass(frozen=True, slots=True)
class Planned:
    """One event with the rows it leaves whatever was stored before it."""

    event: Event
    delivery: Delivery
    archived: TableRow
    body: StoredBody
    measured: TableRow | None


@dataclass(slots=True)
class Understood:
    """A batch, read: each distinct event once with its first delivery, what is no event, and how many came again."""

    planned: dict[str, Planned] = field(default_factory=dict)
    set_aside: dict[str, QuarantineChange] = field(default_factory=dict)
    repeats: int = 0


def understand(
    deliveries: Iterable[Delivery], shards: int, stored: Container[str], so_far: Understood | None = None
) -> Understood:
    """Read a batch and plan its rows, but for events whose id is in `stored`. Never raises for a message.

    A batch may be read in pieces: `so_far` is what was understood of the pieces before, and is added to.
    """
    batch = so_far if so_far is not None else Understood()
    for delivery in deliveries:
        try:
            found = elements(delivery.body)
        except Exception as error:  # noqa: BLE001  # see the module's docstring
            _set_aside(batch, delivery.body, error, delivery)
            continue
        for element in found:
            try:
                _plan(batch, element, delivery, shards, stored)
            except Exception as error:  # noqa: BLE001  # see the module's docstring
                _set_aside(batch, element.raw, error, delivery)
    return batch


def current_state_changes(events: Sequence[Event], shards: int) -> list[StatusChange | SessionChange]:
    """What the events change in the projections that have a history, one change for each row."""
    changes: dict[tuple[str, str], StatusChange | SessionChange] = {}
    for event in events:
        for change in (StatusChange.of(event, shards), SessionChange.of(event, shards)):
            if change is None:
                continue
            earlier = changes.setdefault((change.table, change.row_key), change)
            if earlier is not change:
                earlier.events.append(event)
    return list(changes.values())


def _plan(batch: Understood, element: Element, delivery: Delivery, shards: int, stored: Container[str]) -> None:
    event = read_event(element)
    if event.event_id in batch.planned or event.event_id in stored:
        batch.repeats += 1
        return
    row, body = archive_row(event, delivery, shards)
    measured = measurement_row(event, shards)
    batch.planned[event.event_id] = Planned(
        event=event,
        delivery=delivery,
        archived=TableRow(archive_table(event), row),
        body=body,
        measured=TableRow(measurement_table(event), measured) if measured is not None else None,
    )


def _set_aside(batch: Understood, raw: bytes, error: Exception, delivery: Delivery) -> None:
    """Keep one message for quarantine; the same body again is counted."""
    if not isinstance(error, Unacceptable):
        error = Unacceptable(f"not-understood-{type(error).__name__}", "a fault of this app: report it")
    change = QuarantineChange.of_body(raw, error, delivery)
    earlier = batch.set_aside.setdefault(change.event_id, change)
    if earlier is not change:
        earlier.arrivals += 1
