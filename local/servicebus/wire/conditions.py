"""Errors as AMQP shows them."""

from proton import Condition, symbol

from local.servicebus.engine.errors import RefusedError

# azure-servicebus 7.15.0 reads a third element of every error without looking whether it is there, and a send then
# never returns; proton leaves trailing nulls out. So no error goes without an info map.
_INFO = {symbol("com.microsoft:tracking-id"): "local"}


def condition_of(error: RefusedError) -> Condition:
    """Return what a client is told about an error of the engine."""
    return make_condition(error.condition, str(error))


def make_condition(name: str, description: str) -> Condition:
    """Return an AMQP error that the SDK can read."""
    return Condition(name, description, _INFO)
