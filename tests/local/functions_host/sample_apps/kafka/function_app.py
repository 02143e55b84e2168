"""A function app that keeps the batches of a Kafka topic, and how often it was called before for each.

It fails as its settings say: SAMPLE_FAILURES is how often for a batch with a body `fault`, -1 for always.
"""

import os
import typing

import azure.functions as func

app = func.FunctionApp()

batches: list[list[func.KafkaEvent]] = []
retries: list[tuple[int, int]] = []
failures_left = int(os.environ.get("SAMPLE_FAILURES", "0"))


def keep_charger_events(events: typing.List[func.KafkaEvent], context: func.Context) -> None:  # noqa: UP006  # the runtime refuses list[...]
    """Keep the batch; raise for one that holds a body `fault`, as often as the setting says."""
    global failures_left  # noqa: PLW0603  # what a sample of one function remembers
    batches.append(events)
    retries.append((context.retry_context.retry_count, context.retry_context.max_retry_count))
    if failures_left and any(event.get_body() == b"fault" for event in events):
        failures_left -= 1
        raise ValueError


trigger = app.kafka_trigger(
    arg_name="events",
    broker_list="%KAFKA_BROKER_LIST%",
    topic="%PUSH_EVENTS_TOPIC%",
    consumer_group="sample",
    cardinality=func.Cardinality.MANY,
    data_type=func.DataType.BINARY,
)
kept = trigger(keep_charger_events)
if os.environ.get("SAMPLE_RETRIES"):
    app.retry(strategy="fixed_delay", max_retry_count=os.environ["SAMPLE_RETRIES"], delay_interval="00:00:01")(kept)
