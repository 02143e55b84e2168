"""A function app with a queue in batches and a topic in single messages; both keep what they are given."""

import typing

import azure.functions as func

app = func.FunctionApp()

batches: list[list[func.ServiceBusMessage]] = []
singles: list[func.ServiceBusMessage] = []


@app.service_bus_queue_trigger(
    arg_name="messages",
    queue_name="%SAMPLE_QUEUE%",
    connection="ServiceBusConnection",
    cardinality=func.Cardinality.MANY,
    data_type=func.DataType.BINARY,
)
async def push_events(messages: typing.List[func.ServiceBusMessage]) -> None:  # noqa: UP006  # the runtime refuses list[...]
    """Keep the batch; raise for one that holds a body `poison`."""
    batches.append(messages)
    if any(message.get_body() == b"poison" for message in messages):
        raise ValueError


@app.service_bus_topic_trigger(
    arg_name="message",
    topic_name="charger-topic",
    subscription_name="stored",
    connection="ServiceBusConnection",
)
def one_event(message: func.ServiceBusMessage) -> None:
    """Keep the message; raise for the body `poison`."""
    singles.append(message)
    if message.get_body() == b"poison":
        raise ValueError
