"""What a batch of deliveries leaves behind: decided whole before the first row is written, and without any I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from shared.emabler.bodies import elements
from shared.emabler.push import read_event
from shared.errors import Unacceptable
from shared.events import Event
from shared.ingest.quarantine import QuarantineChange
from shared.ingest.rows import Delivery
from shared.ingest.sessions import SessionChange
from shared.ingest.status import StatusChange


@dataclass(slots=True)
class Understood:
    """A batch, read: each distinct event once with its first delivery, and what is no event."""

    events: dict[str, tuple[Event, Delivery]] = field(default_factory=dict)
    repeats: int = 0
    unacceptable: dict[str, QuarantineChange] = field(default_factory=dict)

    def set_aside(self, change: QuarantineChange) -> None:
        """Keep one message for quarantine; the same body again is counted."""
        earlier = self.unacceptable.setdefault(change.event_id, change)
        if earlier is not change:
            earlier.arrivals += 1


def understand(deliveries: Iterable[Delivery]) -> Understood:
    """Read a batch. Never raises for a message, whatever is in it."""
    batch = Understood()
    for delivery in deliveries:
        try:
            found = elements(delivery.body)
        except Unacceptable as error:
            batch.set_aside(QuarantineChange.of_body(delivery.body, error, delivery))
            continue
        for element in found:
            try:
                event = read_event(element)
            except Unacceptable as error:
                batch.set_aside(QuarantineChange.of_body(element.raw, error, delivery))
            except Exception as error:  # noqa: BLE001  # a fault of ours in one message must not cost the others
                fault = Unacceptable(f"not-understood-{type(error).__name__}", "a fault of this app: report it")
                batch.set_aside(QuarantineChange.of_body(element.raw, fault, delivery))
            else:
                batch.repeats += event.event_id in batch.events
                batch.events.setdefault(event.event_id, (event, delivery))
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
