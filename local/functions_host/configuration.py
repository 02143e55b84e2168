"""What configures an app on a laptop: the environment, local.settings.json and host.json."""

import json
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.functions_host.errors import HostError

_SETTING_REFERENCE = re.compile(r"%([^%]+)%")


@dataclass(frozen=True)
class KafkaOptions:
    """`extensions.kafka` of host.json; what is None is left to the client library.

    The session's default is not the real extension's (the client library's 45 s), but the shortest that brokers take as
    they come: the mock cluster keeps a group waiting for so long after a member has left, at every start of this host.

    Sources: KafkaOptions.cs in https://github.com/Azure/azure-functions-kafka-extension, its pull request 615 for
    `commitOnFailure` and `maxRetries`, and
    https://learn.microsoft.com/azure/azure-functions/functions-bindings-kafka#hostjson-settings.
    """

    max_batch_size: int = 64
    subscriber_interval_seconds: float = 1
    executor_channel_capacity: int = 1
    auto_commit_interval_ms: int = 200
    auto_offset_reset: str = "earliest"
    session_timeout_ms: int = 6000
    max_poll_interval_ms: int | None = None
    commit_on_failure: bool = True
    max_retries: int = 5


@dataclass(frozen=True)
class HostOptions:
    """The part of host.json this host honours, with the real host's defaults.

    Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-service-bus#hostjson-settings and
    https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook#hostjson-settings.
    """

    route_prefix: str = "api"
    max_message_batch_size: int = 1000
    max_concurrent_calls: int = 16
    prefetch_count: int = 0
    auto_complete_messages: bool = True
    kafka: KafkaOptions = field(default_factory=KafkaOptions)


def read_host_json(folder: Path) -> HostOptions:
    """Read host.json of the app in a folder; raises HostError where it is missing or not JSON."""
    extensions = _read_json(folder / "host.json").get("extensions", {})
    http, service_bus = extensions.get("http", {}), extensions.get("serviceBus", {})
    defaults = HostOptions()
    return HostOptions(
        route_prefix=http.get("routePrefix", defaults.route_prefix),
        max_message_batch_size=service_bus.get("maxMessageBatchSize", defaults.max_message_batch_size),
        max_concurrent_calls=service_bus.get("maxConcurrentCalls", defaults.max_concurrent_calls),
        prefetch_count=service_bus.get("prefetchCount", defaults.prefetch_count),
        auto_complete_messages=service_bus.get("autoCompleteMessages", defaults.auto_complete_messages),
        kafka=_kafka_options(extensions.get("kafka", {})),
    )


def _kafka_options(kafka: Mapping[str, Any]) -> KafkaOptions:
    defaults = KafkaOptions()
    return KafkaOptions(
        max_batch_size=kafka.get("maxBatchSize", defaults.max_batch_size),
        subscriber_interval_seconds=kafka.get("subscriberIntervalInSeconds", defaults.subscriber_interval_seconds),
        executor_channel_capacity=kafka.get("executorChannelCapacity", defaults.executor_channel_capacity),
        auto_commit_interval_ms=kafka.get("autoCommitIntervalMs", defaults.auto_commit_interval_ms),
        auto_offset_reset=str(kafka.get("autoOffsetReset", defaults.auto_offset_reset)).lower(),
        session_timeout_ms=kafka.get("sessionTimeoutMs", defaults.session_timeout_ms),
        max_poll_interval_ms=kafka.get("maxPollIntervalMs"),
        commit_on_failure=kafka.get("commitOnFailure", defaults.commit_on_failure),
        max_retries=kafka.get("maxRetries", defaults.max_retries),
    )


def apply_local_settings(path: Path, environment: MutableMapping[str, str]) -> None:
    """Add the `Values` of a local.settings.json to the environment; what is set there already wins.

    Raises HostError for a file that is missing, encrypted, or has a value that is no text.
    """
    settings = _read_json(path)
    if settings.get("IsEncrypted"):
        raise HostError(f"{path} is encrypted: decrypt it with `func settings decrypt`.")
    for name, value in settings.get("Values", {}).items():
        if not isinstance(value, str):
            raise HostError(f"{path}: the value of {name} must be a text in quotes.")
        environment.setdefault(name, value)


def resolve_references(text: str, environment: Mapping[str, str]) -> str:
    """Replace each `%SETTING%` by the setting's value, as the real host does in names and schedules.

    Raises HostError for a setting that is not set.
    """
    return _SETTING_REFERENCE.sub(lambda reference: _required(reference[1], environment), text)


def _required(name: str, environment: Mapping[str, str]) -> str:
    if not environment.get(name):
        raise HostError(f"The setting {name} is not set: put it into local.settings.json or the environment.")
    return environment[name]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise HostError(f"{path} is missing.") from None
    except ValueError as error:
        raise HostError(f"{path} is no valid JSON: {error}.") from None
    if not isinstance(content, dict):
        raise HostError(f"{path} must hold a JSON object.")
    return content
