"""The long-lived parts of a process, made once from the settings, when they are first needed.

Nothing here connects to anything by being made: a broken setting must not keep the functions from being indexed.
"""

from functools import cache

from shared.errors import ConfigurationError
from shared.ingest.ingest import Ingest
from shared.settings import Settings, settings
from shared.tables.client import AzureTables


def connect_tables(chosen: Settings) -> AzureTables:
    """The tables that the settings name. Raises ConfigurationError where they name none."""
    if chosen.event_storage is not None:
        return AzureTables.from_connection_string(chosen.event_storage.get_secret_value())
    if chosen.event_storage_table_uri is not None:
        return AzureTables.from_identity(chosen.event_storage_table_uri, chosen.event_storage_client_id)
    raise ConfigurationError(
        "No storage is set. Set EventStorage to a connection string, or EventStorage__tableServiceUri to the table "
        "endpoint that the app's managed identity may use."
    )


@cache
def tables() -> AzureTables:
    """The process's tables, over one pool of connections."""
    return connect_tables(settings())


@cache
def ingest() -> Ingest:
    """The process's ingest."""
    return Ingest(tables(), settings().event_shards)
