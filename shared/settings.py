"""Every setting the app reads, under the name it has in Azure, checked once.

The values come from the process environment, which is where the Functions host puts the app settings. A value that
cannot be used is a `ConfigurationError` which names the setting and never repeats the value: it may be a secret.
"""

import os
from collections.abc import Mapping
from functools import cache
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from shared.errors import ConfigurationError


class Settings(BaseModel):
    """The app's settings. The alias of a field is the setting's name."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    event_storage: SecretStr | None = Field(
        None, alias="EventStorage", description="Connection string of the storage account that holds the tables."
    )
    event_storage_table_uri: str | None = Field(
        None,
        alias="EventStorage__tableServiceUri",
        description="Instead of a connection string: the table endpoint, reached with the app's managed identity.",
    )
    event_storage_client_id: str | None = Field(
        None,
        alias="EventStorage__clientId",
        description="Client id of the user-assigned identity for the tables; without it the default identity is used.",
    )
    event_shards: int = Field(
        4,
        alias="EVENT_SHARDS",
        ge=1,
        le=100,
        description="Partitions a table's rows are spread over; fixed once the tables hold data.",
    )
    event_retention_months: int = Field(
        13,
        alias="EVENT_RETENTION_MONTHS",
        ge=0,
        le=1200,
        description="How many months of PushEvents and Measurements are kept, the current one included; 0 keeps all.",
    )
    ingest_deadline_seconds: float = Field(
        120.0,
        alias="INGEST_DEADLINE_SECONDS",
        gt=0,
        le=240,
        description="How long a batch may wait for storage before it is given back; well under the queue's lock time.",
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read and check the settings; an empty value counts as not set. Raises ConfigurationError."""
        environment = os.environ if environment is None else environment
        try:
            return cls.model_validate({name: value for name, value in environment.items() if value.strip()})
        except ValidationError as error:
            problems = "; ".join(f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors())
            raise ConfigurationError(f"Settings that cannot be used: {problems}. Correct them and restart.") from None


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings.from_environment()
