"""The app's queue trigger with nothing behind it: what the broker, the host and the runtime library cost alone."""

from typing import List  # noqa: UP035  # list[ServiceBusMessage] is refused when the app is indexed

import azure.functions as func

app = func.FunctionApp()


@app.function_name("do_nothing")
@app.service_bus_queue_trigger(
    arg_name="messages",
    queue_name="%PUSH_EVENTS_QUEUE%",
    connection="ServiceBusConnection",
    cardinality=func.Cardinality.MANY,
    data_type=func.DataType.BINARY,
)
async def do_nothing(messages: List[func.ServiceBusMessage]) -> None:  # noqa: UP006  # see the import
    """Take a batch and return, which completes its messages."""
    del messages
