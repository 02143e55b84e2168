"""Which Kafka topic brings events: what the Functions host is told of it when the functions are indexed. Pure.

The host resolves settings by their names, and refuses a trigger whose setting is not there, so only what is set is
named. Protocol and authentication are words of its own that it resolves nothing in: they are read here
(KafkaTriggerAttributeBindingProvider.cs of Azure/azure-functions-kafka-extension). docs/kafka.md has the settings.

Topic and group are named as `%NAME%`, because what scales the function resolves them in no other form. The others are
named plainly, because it resolves that form twice: a password with a `%` in it would be taken for one more name
(KafkaScalerProvider.cs).
"""

from collections.abc import Mapping
from typing import Final

from shared.errors import ConfigurationError

BROKER_LIST: Final = "KAFKA_BROKER_LIST"
TOPIC: Final = "PUSH_EVENTS_TOPIC"
PROTOCOL: Final = "KAFKA_PROTOCOL"
AUTHENTICATION: Final = "KAFKA_AUTHENTICATION"
CONSUMER_GROUP: Final = "KAFKA_CONSUMER_GROUP"
USERNAME: Final = "KAFKA_USERNAME"
PASSWORD: Final = "KAFKA_PASSWORD"  # noqa: S105  # the setting's name
CA_LOCATION: Final = "KAFKA_SSL_CA_LOCATION"
CA_PEM: Final = "KAFKA_SSL_CA_PEM"

SETTINGS: Final = (
    *(BROKER_LIST, TOPIC, CONSUMER_GROUP, PROTOCOL, AUTHENTICATION),
    *(USERNAME, PASSWORD, CA_LOCATION, CA_PEM),
)
"""All that is read here; `KAFKA_PASSWORD` is the one secret among them."""

DEFAULT_CONSUMER_GROUP: Final = "emabler-azure"
"""A name of our own: members of a group share a topic's messages, and `$Default` is what any other function app has."""

PROTOCOLS: Final = ("plaintext", "ssl", "saslplaintext", "saslssl")
AUTHENTICATIONS: Final = ("plain", "scramsha256", "scramsha512")

_ARGUMENTS_OF_CREDENTIALS: Final = {
    USERNAME: "username",
    PASSWORD: "password",
    CA_LOCATION: "ssl_ca_location",
    CA_PEM: "ssl_ca_pem",
}
"""Which argument of the trigger names which setting."""


def trigger_arguments(environment: Mapping[str, str]) -> dict[str, str]:
    """The arguments of the Kafka trigger; none where neither broker nor topic is set, and so no Kafka is used.

    Raises ConfigurationError where only one of the two is set, or a word is not known.
    """
    found = {name: environment[name] for name in SETTINGS if environment.get(name, "").strip()}
    if BROKER_LIST not in found and TOPIC not in found:
        return {}
    for name in (BROKER_LIST, TOPIC):
        if name not in found:
            raise ConfigurationError(f"{name} is not set: set {BROKER_LIST} and {TOPIC}, or neither.")
    arguments = {
        "broker_list": BROKER_LIST,
        "topic": f"%{TOPIC}%",
        "consumer_group": f"%{CONSUMER_GROUP}%" if CONSUMER_GROUP in found else DEFAULT_CONSUMER_GROUP,
    }
    arguments |= {argument: name for name, argument in _ARGUMENTS_OF_CREDENTIALS.items() if name in found}
    arguments["protocol"] = _word(PROTOCOL, found, PROTOCOLS, "saslssl" if USERNAME in found else "plaintext")
    if arguments["protocol"].startswith("sasl"):
        arguments["authentication_mode"] = _word(AUTHENTICATION, found, AUTHENTICATIONS, "plain")
    return arguments


def missing_credentials(arguments: Mapping[str, str]) -> list[str]:
    """The settings that the trigger's protocol needs and that are not set: with SASL, user name and password."""
    if not arguments.get("protocol", "").startswith("sasl"):
        return []
    return [name for name in (USERNAME, PASSWORD) if _ARGUMENTS_OF_CREDENTIALS[name] not in arguments]


def _word(name: str, found: Mapping[str, str], known: tuple[str, ...], default: str) -> str:
    """A setting's word, in the host's spelling or in Kafka's own, such as `SASL_SSL` and `SCRAM-SHA-512`."""
    word = found.get(name, default).strip().lower().replace("_", "").replace("-", "")
    if word not in known:
        raise ConfigurationError(f"{name} is a word that is not known: set it to {', '.join(known)}.")
    return word
