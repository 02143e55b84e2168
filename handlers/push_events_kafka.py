"""Kafka: a batch of Push API messages, given to ingest. Only where a broker and a topic are set (docs/kafka.md).

Kafka settles nothing but an offset, of a whole batch, and has no place for a message that cannot be stored. So a
message is never the reason why this raises: what cannot be stored is set aside in quarantine. It raises where storage
is away or a setting is wrong, and is then called again with the same batch for as long as that lasts
(docs/decisions/0014-kafka-offsets.md).
"""

import base64
import binascii
import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final, List  # noqa: UP035  # list[KafkaEvent] is refused when the app is indexed

import azure.functions as func

from handlers.kafka_batches import take_messages_without_value
from handlers.storing import store_or_give_back, texts
from shared import services
from shared.errors import ConfigurationError
from shared.ingest.rows import Delivery, KafkaPosition
from shared.instants import Instant
from shared.kafka import PASSWORD, PROTOCOL, missing_credentials, trigger_arguments
from shared.key_vault import WHAT_TO_DO, is_unresolved

WITHOUT_LIMIT: Final = "-1"

_log = logging.getLogger(__name__)


async def push_events_kafka(messages: List[func.KafkaEvent]) -> None:  # noqa: UP006  # see the import
    """Store a batch of Push API messages; returning moves the offsets past them, raising brings them again."""
    now = Instant.now()
    deliveries = [_delivery(message, now) for message in messages]
    await store_or_give_back(lambda deadline: services.store_or_set_aside(deliveries, deadline))


def blueprint_for(environment: Mapping[str, str]) -> func.Blueprint:
    """The function, for a broker and a topic in the settings; nothing without them, so that it is as if not there."""
    blueprint = func.Blueprint()  # type: ignore[no-untyped-call]
    try:
        arguments = trigger_arguments(environment)
    except ConfigurationError as error:
        _log.warning("kafka is not read: %s", error)
        return blueprint
    if not arguments:
        return blueprint
    for name in missing_credentials(arguments):
        _log.warning("kafka will refuse the app: %s is not set: set it, or a %s without SASL.", name, PROTOCOL)
    if is_unresolved(environment.get(PASSWORD, "")):
        _log.warning("kafka will refuse the app: %s %s", PASSWORD, WHAT_TO_DO)
    take_messages_without_value()
    trigger = blueprint.kafka_trigger(
        arg_name="messages",
        cardinality=func.Cardinality.MANY,
        data_type=func.DataType.BINARY,
        **arguments,  # type: ignore[arg-type]  # mypy counts them for every parameter, lag_threshold's number included
    )
    # The extension moves the offset past a batch whose function failed. The host tries again before it tells the
    # extension, and without a limit, because an outage has none.
    retry = blueprint.retry(
        strategy="exponential_backoff",
        max_retry_count=WITHOUT_LIMIT,
        minimum_interval="00:00:01",
        maximum_interval="00:00:30",
    )
    blueprint.function_name("push_events_kafka")(trigger(retry(push_events_kafka)))
    return blueprint


def _delivery(message: func.KafkaEvent, now: Instant) -> Delivery:
    """The message with how it came. A message without a value, Kafka's mark for something deleted, has no body."""
    body = message.get_body() or b""
    return Delivery(body, "kafka", now, texts(dict(_headers(message.headers))), _position(message))


def _position(message: func.KafkaEvent) -> KafkaPosition | None:
    if message.topic is None or message.partition is None or message.offset is None:
        return None
    return KafkaPosition(message.topic, message.partition, message.offset)


def _headers(headers: Any) -> Iterator[tuple[str, str]]:
    """Names and values of a message's headers; of a name that comes twice, the later value counts.

    They arrive as `{"Key": ..., "Value": ...}`, the bytes of the value in base64: that is how the host writes the
    extension's KafkaEventDataHeader. What looks otherwise is nothing to store, and no reason to fail.
    """
    for header in headers if isinstance(headers, list) else ():
        if isinstance(header, dict) and isinstance(header.get("Key"), str):
            yield header["Key"], _decoded(header.get("Value"))


def _decoded(value: Any) -> str:
    try:
        return base64.b64decode(value, validate=True).decode("utf-8", "replace")
    except (binascii.Error, TypeError, ValueError):
        return "" if value is None else str(value)
