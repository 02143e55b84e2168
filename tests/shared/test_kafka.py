"""What the Functions host is told of the Kafka topic."""

import pytest

from shared.errors import ConfigurationError
from shared.kafka import AUTHENTICATIONS, PROTOCOLS, SETTINGS, trigger_arguments

BOTH = {"KAFKA_BROKER_LIST": "broker:9092", "PUSH_EVENTS_TOPIC": "push-events"}


@pytest.mark.parametrize(
    "environment", [{}, {"KAFKA_BROKER_LIST": "", "PUSH_EVENTS_TOPIC": " "}, {"KAFKA_USERNAME": "u"}]
)
def test_without_broker_and_topic_there_is_no_kafka(environment):
    """An empty value counts as not set, and what else is set changes nothing."""
    assert trigger_arguments(environment) == {}


@pytest.mark.parametrize("missing", ["KAFKA_BROKER_LIST", "PUSH_EVENTS_TOPIC"])
def test_one_without_the_other_is_told_by_name(missing):
    """The text says which of the two is missing."""
    with pytest.raises(ConfigurationError, match=f"^{missing} is not set"):
        trigger_arguments(BOTH | {missing: ""})


def test_an_open_broker_needs_no_more_than_its_address_and_a_topic():
    """As on a laptop; the group has a name of its own."""
    assert trigger_arguments(BOTH) == {
        "broker_list": "KAFKA_BROKER_LIST",
        "topic": "%PUSH_EVENTS_TOPIC%",
        "consumer_group": "emabler-azure",
        "protocol": "plaintext",
    }


def test_a_user_name_means_tls_and_a_password_unless_said_otherwise():
    """As at Confluent and at Event Hubs: a password never travels in the clear for want of a setting."""
    arguments = trigger_arguments(BOTH | {"KAFKA_USERNAME": "key", "KAFKA_PASSWORD": "secret"})

    assert (arguments["protocol"], arguments["authentication_mode"]) == ("saslssl", "plain")
    assert (arguments["username"], arguments["password"]) == ("KAFKA_USERNAME", "KAFKA_PASSWORD")


def test_only_what_is_set_is_named_and_no_value_is_passed_on():
    """The host refuses a trigger that names a setting which is not there; and bindings are shown in the portal.

    Topic and group have the one form that the scaler resolves, the others the one that it does not resolve twice.
    """
    whole = dict.fromkeys(SETTINGS, "a value") | {"KAFKA_PROTOCOL": "ssl"}
    del whole["KAFKA_SSL_CA_PEM"]

    arguments = trigger_arguments(whole)

    assert arguments == {
        "broker_list": "KAFKA_BROKER_LIST",
        "topic": "%PUSH_EVENTS_TOPIC%",
        "consumer_group": "%KAFKA_CONSUMER_GROUP%",
        "username": "KAFKA_USERNAME",
        "password": "KAFKA_PASSWORD",
        "ssl_ca_location": "KAFKA_SSL_CA_LOCATION",
        "protocol": "ssl",
    }


@pytest.mark.parametrize(
    ("protocol", "authentication", "words"),
    [
        ("SASL_SSL", "SCRAM-SHA-512", ("saslssl", "scramsha512")),
        ("SaslPlaintext", "Plain", ("saslplaintext", "plain")),
        (" saslssl ", "scramsha256", ("saslssl", "scramsha256")),
    ],
)
def test_words_are_taken_in_kafkas_spelling_too(protocol, authentication, words):
    """Brokers' own pages write `SASL_SSL` and `SCRAM-SHA-512`."""
    arguments = trigger_arguments(BOTH | {"KAFKA_PROTOCOL": protocol, "KAFKA_AUTHENTICATION": authentication})

    assert (arguments["protocol"], arguments["authentication_mode"]) == words


@pytest.mark.parametrize(("name", "known"), [("KAFKA_PROTOCOL", PROTOCOLS), ("KAFKA_AUTHENTICATION", AUTHENTICATIONS)])
def test_a_word_that_is_not_known_is_told_with_those_that_are(name, known):
    """Never guessed: the wrong guess sends a password in the clear."""
    with pytest.raises(ConfigurationError, match=f"^{name} .*{', '.join(known)}"):
        trigger_arguments(BOTH | {"KAFKA_USERNAME": "u", name: "tls"})
