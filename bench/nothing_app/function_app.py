"""The app's triggers with nothing behind them: what the broker, the host and the runtime library cost alone.

Beside it, for taps that have to ask storage, the least that asking once can be with Microsoft's own client.
"""

import os
from functools import cache
from typing import List  # noqa: UP035  # list[ServiceBusMessage] is refused when the app is indexed

import azure.functions as func
from azure.data.tables.aio import TableClient

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


@app.function_name("say_nothing")
@app.route(
    route="nothing",
    trigger_arg_name="request",
    methods=[func.HttpMethod.GET, func.HttpMethod.POST],
    auth_level=func.AuthLevel.ANONYMOUS,
)
async def say_nothing(request: func.HttpRequest) -> func.HttpResponse:
    """Answer without a look at the request."""
    del request
    return func.HttpResponse("{}", status_code=200, mimetype="application/json")


@app.function_name("read_one_row")
@app.route(
    route="one-row",
    trigger_arg_name="request",
    methods=[func.HttpMethod.GET, func.HttpMethod.POST],
    auth_level=func.AuthLevel.ANONYMOUS,
)
async def read_one_row(request: func.HttpRequest) -> func.HttpResponse:
    """Read the row whose table and keys are in the query, and answer nothing of it."""
    asked = request.params
    await _table(asked["table"]).get_entity(asked["partition_key"], asked["row_key"])
    return func.HttpResponse("{}", status_code=200, mimetype="application/json")


@cache
def _table(name: str) -> TableClient:
    """The client of a table, kept open."""
    return TableClient.from_connection_string(os.environ["EventStorage"], name)  # noqa: SIM112  # Azure's name of it
