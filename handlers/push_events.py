"""Service Bus: a batch of Push API messages, given to ingest.

The trigger takes batches, because that is what makes full transactions of rows. A batch is settled as a whole:
returning completes every message of it, raising gives every one back. So this raises only for `GiveBack` and what
nobody foresaw.

`data_type=BINARY` is not a matter of taste: without it the host parses every body as JSON before Python sees it, fails
the whole batch for one that is none, and rewrites numbers and dates (azure-functions-servicebus-extension #15). Beside
the body only the application properties are trusted: in a batch the host shifts other metadata from message to message
where one has none (azure-functions-python-worker #1122).
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, List  # noqa: UP035  # list[ServiceBusMessage] is refused when the app is indexed

import azure.functions as func

from shared import services
from shared.deadlines import Deadline
from shared.errors import ConfigurationError, EmablerError
from shared.ingest.rows import TRANSPORT_PROPERTY, Delivery
from shared.instants import Instant
from shared.settings import Settings, settings

if TYPE_CHECKING:
    from shared.ingest.ingest import Outcome

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]

_log = logging.getLogger(__name__)


@blueprint.function_name("push_events")
@blueprint.service_bus_queue_trigger(
    arg_name="messages",
    queue_name="%PUSH_EVENTS_QUEUE%",
    connection="ServiceBusConnection",
    cardinality=func.Cardinality.MANY,
    data_type=func.DataType.BINARY,
)
async def push_events(messages: List[func.ServiceBusMessage]) -> None:  # noqa: UP006  # see the import
    """Store a batch of Push API messages; returning completes them, raising gives all of them back."""
    now = Instant.now()
    deliveries = [_delivery(message, now) for message in messages]
    deadline = Deadline.after(_patience_seconds())
    try:
        outcome = await services.ingest().store(deliveries, deadline)
    except Exception as error:
        # Only our own errors are known to hold nothing personal in their text.
        text = str(error) if isinstance(error, EmablerError) else "see the failed invocation"
        _log.error(
            "ingest cannot store the batch, given back in %.0f s error=%s: %s",
            deadline.remaining_seconds,
            type(error).__name__,
            text,
        )
        # What is given back comes again at once and counts a delivery; ten of them, and good messages are dead letters.
        # So a fault that shows at once (a missing role, a wrong setting) is waited out like one that takes its time.
        await asyncio.sleep(deadline.remaining_seconds)
        raise
    log_outcome(outcome)


def _patience_seconds() -> float:
    """The deadline of the settings, or its default while the settings cannot be read at all."""
    try:
        return settings().ingest_deadline_seconds
    except ConfigurationError:
        return float(Settings.model_fields["ingest_deadline_seconds"].default)


def log_outcome(outcome: "Outcome") -> None:
    """One line for a batch, and one more for each thing an operator should look at. Counts and ids of sessions only."""
    stored = ",".join(f"{event_type}:{count}" for event_type, count in sorted(outcome.stored.items())) or "none"
    _log.info(
        "ingest deliveries=%d stored=%s repeats=%d quarantined=%d duration_ms=%.1f",
        outcome.deliveries,
        stored,
        outcome.repeats,
        outcome.quarantined.total(),
        outcome.duration_seconds * 1000,
    )
    for reason, count in sorted(outcome.quarantined.items()):
        _log.error("ingest quarantined reason=%s entries=%d; see the table Quarantine", reason, count)


def _delivery(message: func.ServiceBusMessage, now: Instant) -> Delivery:
    """The message with how it came: what the webhook put on the queue says so in a property."""
    properties = _texts(message.application_properties)
    transport = "webhook" if properties.get(TRANSPORT_PROPERTY) == "webhook" else "servicebus"
    return Delivery(message.get_body(), transport, now, properties)


def _texts(properties: Mapping[str, Any] | None) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in (properties or {}).items()}


def _text(value: object) -> str:
    """A text that can be written as UTF-8, which half a surrogate pair cannot."""
    return str(value).encode("utf-8", "replace").decode()
