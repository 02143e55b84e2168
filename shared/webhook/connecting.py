"""The SDK's client for the namespace that the settings name."""

from functools import cache
from typing import TYPE_CHECKING

from shared.errors import ConfigurationError
from shared.identity import identity
from shared.settings import Settings

if TYPE_CHECKING:
    from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential
    from azure.servicebus.aio import ServiceBusClient


def has_queue(chosen: Settings) -> bool:
    """Whether a namespace is set at all: a webhook can do without."""
    return chosen.service_bus_connection is not None or chosen.service_bus_namespace is not None


def connect_queue(chosen: Settings) -> "ServiceBusClient":
    """A client by connection string or managed identity. Raises ConfigurationError for a string that is none."""
    from azure.servicebus.aio import ServiceBusClient  # noqa: PLC0415  # kept out of the cold start

    if chosen.service_bus_connection is not None:
        try:
            return ServiceBusClient.from_connection_string(
                chosen.service_bus_connection.get_secret_value(), retry_total=0
            )
        except ValueError:
            raise ConfigurationError(
                "ServiceBusConnection is no connection string. Copy it whole from the namespace's or the queue's "
                "'Shared access policies'."
            ) from None
    if chosen.service_bus_namespace is None:
        raise ConfigurationError(
            "No queue is set. Set ServiceBusConnection, or ServiceBusConnection__fullyQualifiedNamespace."
        )
    return ServiceBusClient(chosen.service_bus_namespace, _kept_identity(chosen.service_bus_client_id), retry_total=0)


@cache
def _kept_identity(client_id: str | None) -> "ManagedIdentityCredential | DefaultAzureCredential":
    """One for the whole process: the SDK's clients never close it, and each outage of the queue makes many of them."""
    return identity(client_id)
