"""Batches from Kafka that hold messages without a value, so that azure.functions takes them.

A message without a value is Kafka's mark for something deleted. The Functions host leaves it out of the bodies of a
batch, but not out of what stands beside them (GrpcMessageConversionExtensions.cs, `ToRpcByteArray`), and the library
refuses a batch in which the two differ in number, before the function is called. Such a batch would come again for
ever, and its partition would stand still.
"""

import logging
from collections.abc import Mapping
from types import SimpleNamespace

import azure.functions as func
from azure.functions.kafka import KafkaTriggerConverter
from azure.functions.meta import Datum

_log = logging.getLogger(__name__)

# The library's own decoder, kept before it is replaced: it does all but the counting of bodies that are left out.
_decode_complete_batch = KafkaTriggerConverter.decode_multiple_events


def take_messages_without_value() -> None:
    """From now on, have the library take such batches; others it decodes as before."""
    KafkaTriggerConverter.decode_multiple_events = staticmethod(decode_batch)  # type: ignore[method-assign]


def decode_batch(data: Datum, trigger_metadata: Mapping[str, Datum]) -> list[func.KafkaEvent]:
    """The messages of a batch; those without a value are empty ones.

    Where only some are without, nobody knows which: they come last, and no message of that batch has headers, partition
    or offset. None of these is a part of an event.
    """
    bodies = list(data.value.bytes)
    messages = len(trigger_metadata["OffsetArray"].value.sint64)
    missing = messages - len(bodies)
    if not missing:
        return _decode_complete_batch(data, trigger_metadata)
    _log.warning("kafka batch of %d messages has %d without a value", messages, missing)
    empty_bodies = [b""] * missing
    if bodies:
        return [func.KafkaEvent(body=body) for body in (*bodies, *empty_bodies)]
    return _decode_complete_batch(Datum(SimpleNamespace(bytes=empty_bodies), data.type), trigger_metadata)
