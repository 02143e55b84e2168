"""Settings are read once, by the names they have in Azure, and a wrong one says what to correct."""

import pytest

from shared.errors import ConfigurationError
from shared.services import connect_tables
from shared.settings import Settings
from tests.support.azurite import connection_string


def test_defaults_need_no_environment():
    """Whatever can have a safe default has one."""
    settings = Settings.from_environment({})

    assert (settings.event_shards, settings.event_retention_months, settings.ingest_deadline_seconds) == (4, 13, 120)


def test_values_come_by_their_azure_names():
    """What a deployment sets is what is read."""
    settings = Settings.from_environment(
        {"EVENT_SHARDS": "8", "EVENT_RETENTION_MONTHS": "0", "EventStorage__tableServiceUri": "https://x.example"}
    )

    assert (settings.event_shards, settings.event_retention_months) == (8, 0)
    assert settings.event_storage_table_uri == "https://x.example"


def test_an_empty_value_counts_as_not_set():
    """Azure's portal and shells leave empty strings behind."""
    assert Settings.from_environment({"EVENT_SHARDS": " "}).event_shards == 4


@pytest.mark.parametrize(
    ("name", "value"), [("EVENT_SHARDS", "0"), ("EVENT_SHARDS", "four"), ("EVENT_RETENTION_MONTHS", "-1")]
)
def test_an_unusable_value_is_named_and_not_repeated(name, value):
    """The text says which setting to correct; its value may be a secret."""
    with pytest.raises(ConfigurationError, match=name) as caught:
        Settings.from_environment({name: value})

    assert repr(value) not in str(caught.value)


def test_secrets_do_not_show_when_settings_are_printed():
    """A connection string holds the account's key."""
    settings = Settings.from_environment({"EventStorage": connection_string(1)})

    assert "AccountKey" not in repr(settings)


def test_tables_are_made_from_whichever_storage_is_set():
    """A connection string, or an identity; and without either the error names both settings."""
    connect_tables(Settings.from_environment({"EventStorage": connection_string(1)}))
    connect_tables(
        Settings.from_environment({"EventStorage__tableServiceUri": "https://account.table.core.windows.net"})
    )

    with pytest.raises(ConfigurationError, match=r"EventStorage .*EventStorage__tableServiceUri"):
        connect_tables(Settings.from_environment({}))
