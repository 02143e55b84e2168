"""Every setting the app reads, under the name it has in Azure, checked once.

The values come from the process environment, which is where the Functions host puts the app settings. A value that
cannot be used is a `ConfigurationError` which names the setting and never repeats the value: it may be a secret.
"""

import os
from collections.abc import Mapping
from functools import cache
from typing import Literal, Self

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
        description="How many months of events, measurements and taps are kept, this one included; 0 keeps all.",
    )
    ingest_deadline_seconds: float = Field(
        120.0,
        alias="INGEST_DEADLINE_SECONDS",
        gt=0,
        le=240,
        description="How long a batch may wait for storage before it is given back; well under the queue's lock time.",
    )
    realtime_auth_tokens: SecretStr | None = Field(
        None,
        alias="REALTIME_AUTH_TOKENS",
        description="The Authorization values that eMabler may send with a tap, separated by commas.",
    )
    push_webhook_tokens: SecretStr | None = Field(
        None,
        alias="PUSH_WEBHOOK_TOKENS",
        description="The same for the webhook; without it REALTIME_AUTH_TOKENS count there, too.",
    )
    health_tokens: SecretStr | None = Field(
        None,
        alias="HEALTH_TOKENS",
        description="The same for the details of /api/health; without it REALTIME_AUTH_TOKENS count there, too.",
    )
    realtime_auth_cache_seconds: float = Field(
        30.0,
        alias="REALTIME_AUTH_CACHE_SECONDS",
        ge=0,
        le=3600,
        description="How long a known tag answers from memory; so long does an old permission outlive its block.",
    )
    realtime_auth_stale_seconds: float = Field(
        3600.0,
        alias="REALTIME_AUTH_STALE_SECONDS",
        ge=0,
        le=86_400,
        description="For how long the last known answer stands in while storage fails; 0 for never.",
    )
    realtime_auth_deadline_ms: float = Field(
        800.0,
        alias="REALTIME_AUTH_DEADLINE_MS",
        ge=10,
        le=30_000,
        description="When a tap gets its answer at the latest; below the time-out that is configured at eMabler.",
    )
    realtime_auth_on_failure: Literal["deny", "allow", "error"] = Field(
        "deny",
        alias="REALTIME_AUTH_ON_FAILURE",
        description="What a tap is answered when storage fails and nothing is known; error leaves it to eMabler.",
    )
    realtime_auth_unknown_charger: Literal["ignore", "refuse"] = Field(
        "ignore",
        alias="REALTIME_AUTH_UNKNOWN_CHARGER",
        description="Whether taps at a charger that neither push nor a poll ever told of are refused for that.",
    )
    service_bus_connection: SecretStr | None = Field(
        None, alias="ServiceBusConnection", description="Connection string of the namespace that has the queue."
    )
    service_bus_namespace: str | None = Field(
        None,
        alias="ServiceBusConnection__fullyQualifiedNamespace",
        description="Instead of a connection string: the namespace's host name, reached with the managed identity.",
    )
    service_bus_client_id: str | None = Field(
        None,
        alias="ServiceBusConnection__clientId",
        description="Client id of the user-assigned identity for the queue.",
    )
    push_events_queue: str = Field(
        "push-events", alias="PUSH_EVENTS_QUEUE", description="The queue that push events come through."
    )
    emabler_api_key: SecretStr | None = Field(
        None,
        alias="EMABLER_API_KEY",
        description="The key of eMabler's REST API; without one nothing is polled.",
    )
    emabler_api_version: Literal["v1", "v2"] = Field(
        "v2", alias="EMABLER_API_VERSION", description="Which of eMabler's REST APIs the key is for."
    )
    emabler_environment: Literal["test", "staging", "production"] = Field(
        "production", alias="EMABLER_ENVIRONMENT", description="Which of eMabler's environments is asked."
    )
    emabler_client_id: str | None = Field(
        default=None, alias="EMABLER_CLIENT_ID", description="The client id that v1 wants with the key."
    )
    emabler_base_url: str | None = Field(
        default=None,
        alias="EMABLER_BASE_URL",
        description="Where the API is, instead of the environment's own address.",
    )
    poll_charger_ids: str = Field(
        "",
        alias="POLL_CHARGER_IDS",
        description="Chargers that v1 is asked for, separated by commas, beside those that push has shown.",
    )
    poll_calls_per_run: int = Field(
        5000, alias="POLL_CALLS_PER_RUN", ge=1, le=1_000_000, description="Calls to eMabler that one run may make."
    )
    push_silence_minutes: float = Field(
        60.0,
        alias="PUSH_SILENCE_MINUTES",
        ge=1,
        le=10_080,
        description="For how long push may say nothing of a charger that REST shows to be active; then it is a gap.",
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
