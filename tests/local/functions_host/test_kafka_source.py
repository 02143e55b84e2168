"""What a Kafka trigger's binding says, with the app's settings."""

import json

import pytest

from local.functions_host.configuration import KafkaOptions, read_host_json
from local.functions_host.errors import HostError
from local.functions_host.kafka_source import resolve_setting, source_of

BINDING = {
    "type": "kafkaTrigger",
    "brokerList": "%KAFKA_BROKER_LIST%",
    "topic": "%PUSH_EVENTS_TOPIC%",
    "consumerGroup": "bridge",
    "cardinality": "MANY",
    "dataType": "BINARY",
    "authenticationMode": "NOTSET",
    "protocol": "NOTSET",
}
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
ENVIRONMENT = {"KAFKA_BROKER_LIST": "one:9092,two:9092", "PUSH_EVENTS_TOPIC": "push-events", "KAFKA_PASSWORD": "secret"}


def settings_of(**changes):
    """The client library's settings for the binding with these changes."""
    return source_of(BINDING | changes, ENVIRONMENT).consumer_settings(KafkaOptions())


def test_offsets_are_stored_by_the_listener_and_committed_by_the_library():
    """And a group that has committed nothing begins at the first message that there is."""
    assert settings_of() == {
        "bootstrap.servers": "one:9092,two:9092",
        "group.id": "bridge",
        "enable.auto.commit": True,
        "enable.auto.offset.store": False,
        "auto.commit.interval.ms": 200,
        "auto.offset.reset": "earliest",
        "session.timeout.ms": 6000,
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("%KAFKA_PASSWORD%", "secret"),
        ("KAFKA_PASSWORD", "secret"),
        ("no-setting", "no-setting"),
        ("a-%PUSH_EVENTS_TOPIC%", "a-push-events"),
        (None, ""),
    ],
)
def test_a_text_is_a_reference_a_name_or_itself(text, value):
    """As in the real extension."""
    assert resolve_setting(text, ENVIRONMENT) == value


def test_sasl_over_tls_is_handed_to_the_client():
    """As for Confluent, and for Event Hubs' Kafka endpoint."""
    settings = settings_of(
        protocol="SASLSSL",
        authenticationMode="SCRAMSHA512",
        username="$ConnectionString",
        password="KAFKA_PASSWORD",
        sslCaPem=CERTIFICATE,
    )

    assert settings.items() >= {
        ("security.protocol", "sasl_ssl"),
        ("sasl.mechanism", "SCRAM-SHA-512"),
        ("sasl.username", "$ConnectionString"),
        ("sasl.password", "secret"),
        ("ssl.ca.pem", CERTIFICATE),
    }


@pytest.mark.parametrize(
    "written",
    [
        CERTIFICATE,
        CERTIFICATE.replace("\n", r"\n") + r"\n",
        f"of our own authority\n{CERTIFICATE}\n{CERTIFICATE.replace('MIIB', 'MIIC')}\n",
    ],
)
def test_the_first_certificate_is_cut_out_of_its_setting(written):
    """Its line ends may be escaped, as a setting in one line has them: as in the real extension."""
    assert settings_of(protocol="SSL", sslCaPem=written)["ssl.ca.pem"] == CERTIFICATE


def test_a_setting_without_a_certificate_is_as_if_not_set():
    """As in the real extension: the machine's own authorities count."""
    assert "ssl.ca.pem" not in settings_of(protocol="SSL", sslCaPem="no certificate")


def test_credentials_without_a_protocol_do_not_count():
    """A trap of the real extension, which this host shows as well."""
    assert "sasl.username" not in settings_of(username="bridge", password="KAFKA_PASSWORD")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"cardinality": "ONE"}, "one by one"),
        ({"dataType": "STRING"}, "BINARY"),
        ({"consumerGroup": None}, "consumer_group"),
        ({"topic": "%NOT_SET%"}, "NOT_SET"),
        ({"eventHubConnectionString": "x"}, "eventHubConnectionString"),
    ],
)
def test_what_this_host_cannot_do_is_said_at_the_start(changes, says):
    """With what to change."""
    with pytest.raises(HostError, match=says):
        settings_of(**changes)


def test_a_source_never_shows_its_secrets():
    """Neither in a log line nor in a traceback."""
    source = source_of(BINDING | {"protocol": "SASLSSL", "password": "KAFKA_PASSWORD"}, ENVIRONMENT)

    assert "secret" in source.security.values()
    assert "secret" not in f"{source} {source!r}"


def test_host_json_says_how_messages_are_taken(tmp_path):
    """The section `extensions.kafka`; what it leaves out is as in the real extension."""
    kafka = {"maxBatchSize": 8, "commitOnFailure": False, "maxRetries": -1, "autoOffsetReset": "Latest"}
    (tmp_path / "host.json").write_text(json.dumps({"extensions": {"kafka": kafka}}))

    options = read_host_json(tmp_path).kafka

    assert options == KafkaOptions(
        max_batch_size=8, commit_on_failure=False, max_retries=-1, auto_offset_reset="latest"
    )
    assert (KafkaOptions().max_batch_size, KafkaOptions().commit_on_failure, KafkaOptions().max_retries) == (
        64,
        True,
        5,
    )
