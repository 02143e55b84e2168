"""Service Bus: a batch of Push API messages, given to ingest.

The trigger takes batches, because that is what makes full transactions of rows. A batch is settled as a whole:
returning completes every message of it, raising gives every one back. So this raises only for `GiveBack` and what
nobody foresaw.

`data_type=BINARY` is not a matter of taste: without it the host parses every body as JSON before Python sees it, fails
the whole batch for one that is none, and rewrites numbers and dates (azure-functions-servicebus-extension #15). Beside
the body only the application properties are trusted: in a batch the host shifts other metadata from message to message
where one has none (azure-functions-python-worker #1122).
"""

from typing import List  # noqa: UP035  # list[ServiceBusMessage] is refused when the app is indexed

import azure.functions as func

from handlers.storing import store_or_give_back, texts
from shared import services
from shared.ingest.rows import TRANSPORT_PROPERTY, Delivery
from shared.instants import Instant

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


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
    await store_or_give_back(lambda deadline: services.ingest().store(deliveries, deadline))


def _delivery(message: func.ServiceBusMessage, now: Instant) -> Delivery:
    """The message with how it came: what the webhook put on the queue says so in a property."""
    properties = texts(message.application_properties)
    transport = "webhook" if properties.get(TRANSPORT_PROPERTY) == "webhook" else "servicebus"
    return Delivery(message.get_body(), transport, now, properties)
