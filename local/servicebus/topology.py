"""Reads the topology file: the form of the official emulator's Config.json, so that one file serves both.

Source: the installer's Config.json (github.com/Azure/azure-service-bus-emulator-installer). What the stand-in cannot
do is refused when the file is read, not ignored: a test that passes must have had the settings it asked for.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from local.servicebus.engine import messages
from local.servicebus.engine.settings import (
    CorrelationFilter,
    QueueSettings,
    SubscriptionSettings,
    TopicSettings,
    Topology,
)

_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_SECONDS_PER = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}

_FILTER_FIELDS = {
    "MessageId": messages.MESSAGE_ID,
    "To": messages.TO,
    "Subject": messages.SUBJECT,
    "Label": messages.SUBJECT,  # the name the official sample uses
    "ReplyTo": messages.REPLY_TO,
    "CorrelationId": messages.CORRELATION_ID,
    "ContentType": messages.CONTENT_TYPE,
    "SessionId": messages.SESSION_ID,
    "ReplyToSessionId": messages.REPLY_TO_SESSION_ID,
}
_UNSUPPORTED = {
    "RequiresSession": "sessions",
    "ForwardTo": "forwarding",
    "ForwardDeadLetteredMessagesTo": "forwarding of dead letters",
}


class TopologyError(ValueError):
    """The topology file cannot be read, or asks for what the stand-in cannot do."""


def read_topology(path: Path) -> Topology:
    """Read a topology file; raises TopologyError with what to change."""
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise TopologyError(f"The topology file {path} cannot be read: {error}") from error
    return parse_topology(document)


def parse_topology(document: Mapping[str, Any]) -> Topology:
    """Turn the file's JSON object into the topology of its one namespace; raises TopologyError."""
    try:
        (namespace,) = document["UserConfig"]["Namespaces"]
        return Topology(
            queues=tuple(_queue(entry) for entry in namespace.get("Queues", ())),
            topics=tuple(_topic(entry) for entry in namespace.get("Topics", ())),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise TopologyError(f"The file is not in the emulator's form: {error!r} is missing or misplaced.") from error
    except ValueError as error:
        raise TopologyError(f"The topology cannot be used: {error}") from error


def parse_duration(text: str) -> float:
    """Return the seconds of an ISO-8601 duration of days, hours, minutes and seconds, such as PT5M.

    Raises ValueError.
    """
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise ValueError(f"'{text}' is no ISO-8601 duration such as PT30S or P1DT2H.")
    return sum(float(number or 0) * _SECONDS_PER[unit] for unit, number in match.groupdict().items())


def _queue(entry: Mapping[str, Any]) -> QueueSettings:
    name = entry["Name"]
    properties = entry.get("Properties", {})
    for key, feature in _UNSUPPORTED.items():
        if properties.get(key):
            raise ValueError(f"'{name}' sets {key}, but the stand-in has no {feature}. Use the real service for it.")
    defaults = QueueSettings(name)
    return QueueSettings(
        name=name,
        lock_duration_seconds=_duration(properties, "LockDuration") or defaults.lock_duration_seconds,
        max_delivery_count=int(properties.get("MaxDeliveryCount", defaults.max_delivery_count)),
        default_time_to_live_seconds=_duration(properties, "DefaultMessageTimeToLive"),
        dead_letters_expired_messages=bool(properties.get("DeadLetteringOnMessageExpiration", False)),
        duplicate_detection_window_seconds=_duplicate_detection_window(properties),
    )


def _topic(entry: Mapping[str, Any]) -> TopicSettings:
    properties = entry.get("Properties", {})
    time_to_live_seconds = _duration(properties, "DefaultMessageTimeToLive")
    return TopicSettings(
        name=entry["Name"],
        subscriptions=tuple(
            _subscription(subscription, time_to_live_seconds) for subscription in entry.get("Subscriptions", ())
        ),
        duplicate_detection_window_seconds=_duplicate_detection_window(properties),
    )


def _subscription(entry: Mapping[str, Any], topic_time_to_live_seconds: float | None) -> SubscriptionSettings:
    """Read one subscription; its messages live no longer than the topic lets them."""
    queue = _queue(entry)
    limits = (queue.default_time_to_live_seconds, topic_time_to_live_seconds)
    shortest = min((limit for limit in limits if limit is not None), default=None)
    return SubscriptionSettings(replace(queue, default_time_to_live_seconds=shortest), _filters(entry.get("Rules", ())))


def _filters(rules: Sequence[Mapping[str, Any]]) -> tuple[CorrelationFilter, ...]:
    return tuple(_filter(rule["Name"], rule.get("Properties", {})) for rule in rules)


def _filter(rule_name: str, properties: Mapping[str, Any]) -> CorrelationFilter:
    if properties.get("FilterType") != "Correlation":
        raise ValueError(f"Rule '{rule_name}' has no correlation filter, the only kind the stand-in knows.")
    fields = dict(properties["CorrelationFilter"])
    application_properties = fields.pop("Properties", {})
    unknown = fields.keys() - _FILTER_FIELDS.keys()
    if unknown:
        raise ValueError(f"Rule '{rule_name}' filters by {sorted(unknown)}, which no message has.")
    return CorrelationFilter(
        system_properties={_FILTER_FIELDS[name]: wanted for name, wanted in fields.items()},
        application_properties=application_properties,
    )


def _duration(properties: Mapping[str, Any], key: str) -> float | None:
    text = properties.get(key)
    return parse_duration(text) if text else None


def _duplicate_detection_window(properties: Mapping[str, Any]) -> float | None:
    if not properties.get("RequiresDuplicateDetection"):
        return None
    return _duration(properties, "DuplicateDetectionHistoryTimeWindow") or parse_duration("PT10M")
