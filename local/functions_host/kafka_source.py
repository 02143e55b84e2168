"""What a kafkaTrigger binding says: which topic, in which consumer group, and how the brokers are entered; pure.

Sources: KafkaTriggerAttribute.cs, KafkaTriggerAttributeBindingProvider.cs, ConfigurationExtensions.cs and
KafkaListener.cs in https://github.com/Azure/azure-functions-kafka-extension.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.functions_host.configuration import KafkaOptions, resolve_references
from local.functions_host.errors import HostError

_PROTOCOLS = {
    "PLAINTEXT": "plaintext",
    "SSL": "ssl",
    "SASLPLAINTEXT": "sasl_plaintext",
    "SASLSSL": "sasl_ssl",
}
_MECHANISMS = {
    "GSSAPI": "GSSAPI",
    "PLAIN": "PLAIN",
    "SCRAMSHA256": "SCRAM-SHA-256",
    "SCRAMSHA512": "SCRAM-SHA-512",
}
_NOT_SET = "NOTSET"

# The binding's fields that hold a text, with the client library's names for them.
_CREDENTIALS = {
    "username": "sasl.username",
    "password": "sasl.password",
    "sslCaLocation": "ssl.ca.location",
    "sslCaPem": "ssl.ca.pem",
    "sslCertificateLocation": "ssl.certificate.location",
    "sslCertificatePem": "ssl.certificate.pem",
    "sslKeyLocation": "ssl.key.location",
    "sslKeyPem": "ssl.key.pem",
    "sslKeyPassword": "ssl.key.password",
}

# What is cut out of those fields that hold PEM (RFC 7468): its label.
_PEM_LABELS = {"sslCaPem": "CERTIFICATE", "sslCertificatePem": "CERTIFICATE", "sslKeyPem": "PRIVATE KEY"}


@dataclass(frozen=True)
class KafkaSource:
    """What a function listens to. `security` has settings of the client library; it can hold secrets."""

    broker_list: str
    topic: str
    consumer_group: str
    security: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        """The topic and the group, without what could be a secret."""
        return f"{self.topic} as {self.consumer_group}"

    def consumer_settings(self, options: KafkaOptions) -> dict[str, Any]:
        """The settings of the consumer, those that the real extension gives to the same library."""
        settings = {
            "bootstrap.servers": self.broker_list,
            "group.id": self.consumer_group,
            # What a function is done with is stored by the listener; the library commits what is stored.
            "enable.auto.commit": True,
            "enable.auto.offset.store": False,
            "auto.commit.interval.ms": options.auto_commit_interval_ms,
            "auto.offset.reset": options.auto_offset_reset,
            "session.timeout.ms": options.session_timeout_ms,
            "max.poll.interval.ms": options.max_poll_interval_ms,
            **self.security,
        }
        return {name: value for name, value in settings.items() if value is not None}


def source_of(trigger: Mapping[str, Any], environment: Mapping[str, str]) -> KafkaSource:
    """What a kafkaTrigger binding listens to, with its settings resolved.

    Raises HostError for a missing setting, no consumer group (the client library refuses that), and what this host
    cannot do: single messages, data that is no bytes, Event Hubs by its own connection string, and OAuth.
    """
    if str(trigger.get("cardinality", "one")).lower() != "many":
        raise HostError("Kafka messages one by one are not supported by this host: use Core Tools for this app.")
    if str(trigger.get("dataType", "")).lower() != "binary":
        raise HostError("A batch of Kafka messages needs data_type=func.DataType.BINARY.")
    for unsupported in ("eventHubConnectionString", "oAuthBearerMethod", "avroSchema"):
        if trigger.get(unsupported):
            raise HostError(f"This host does not know {unsupported} of a Kafka trigger: use Core Tools for this app.")
    consumer_group = resolve_setting(trigger.get("consumerGroup"), environment)
    if not consumer_group:
        raise HostError("A Kafka trigger needs a consumer_group.")
    return KafkaSource(
        broker_list=resolve_setting(trigger["brokerList"], environment),
        topic=resolve_setting(trigger["topic"], environment),
        consumer_group=consumer_group,
        security=_security(trigger, environment),
    )


def resolve_setting(text: str | None, environment: Mapping[str, str]) -> str:
    """The value that a field of the binding stands for; empty for none.

    As in the real extension, `%NAME%` is replaced, and then what is the name of a setting stands for its value.
    Raises HostError for a `%NAME%` that is not set.
    """
    resolved = resolve_references(text or "", environment)
    return environment.get(resolved) or resolved


def _security(trigger: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, str]:
    """As in the real extension, user, password and certificates count only where one of the two words is set."""
    protocol = str(trigger.get("protocol") or _NOT_SET).upper()
    mechanism = str(trigger.get("authenticationMode") or _NOT_SET).upper()
    if protocol == mechanism == _NOT_SET:
        return {}
    settings = {
        name: value
        for field_name, name in _CREDENTIALS.items()
        if trigger.get(field_name) and (value := _credential(field_name, trigger, environment))
    }
    if protocol != _NOT_SET:
        settings["security.protocol"] = _PROTOCOLS[protocol]
    if mechanism != _NOT_SET:
        settings["sasl.mechanism"] = _MECHANISMS[mechanism]
    return settings


def _credential(field_name: str, trigger: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """The value of one of the fields with credentials."""
    value = resolve_setting(trigger[field_name], environment)
    return _first_of_pem(value, _PEM_LABELS[field_name]) if field_name in _PEM_LABELS else value


def _first_of_pem(text: str, label: str) -> str:
    r"""The first part of a PEM text with this label, its line ends also written as `\n`; empty where there is none."""
    found = re.search(f"-----BEGIN {label}-----.*?-----END {label}-----", text, re.DOTALL)
    return found[0].replace("\\n", "\n") if found else ""
