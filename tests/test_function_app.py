"""What production would find in this app: a broken import or decorator must never deploy as "0 functions"."""

import json
from pathlib import Path

from handlers import push_events_kafka
from local.functions_host.worker import index_app

ROOT = Path(__file__).parents[1]


def test_the_app_has_these_functions_with_these_triggers(monkeypatch):
    """Indexed by the library that production indexes with."""
    monkeypatch.setenv("PUSH_EVENTS_QUEUE", "push-events")

    found = {function.name: function for function in index_app(ROOT)}

    assert found.keys() == {
        *("push_events", "push_webhook", "realtime_auth", "health", "openapi"),
        *("poll_chargers", "poll_statistics", "reconcile", "drop_expired_tables"),
    }
    assert found["push_events"].trigger | {"name": "messages"} == {
        "type": "serviceBusTrigger",
        "direction": "IN",
        "name": "messages",
        "queueName": "%PUSH_EVENTS_QUEUE%",
        "connection": "ServiceBusConnection",
        "cardinality": "MANY",
        "dataType": "BINARY",
    } | {key: value for key, value in found["push_events"].trigger.items() if key == "properties"}
    schedules = {name: function.trigger.get("schedule") for name, function in found.items()}
    assert schedules["poll_chargers"] == "20 */5 * * * *"
    assert schedules["poll_statistics"] == "40 */15 * * * *"
    assert (schedules["reconcile"], schedules["drop_expired_tables"]) == ("0 15 4 * * *", "0 30 3 * * *")
    assert (found["health"].trigger["route"], found["health"].trigger["authLevel"]) == ("health", "ANONYMOUS")


def test_kafka_is_a_function_only_where_a_broker_and_a_topic_are_set(monkeypatch):
    """A deployment without Kafka is as it was; with it the host reads the rest from the settings, by their names."""
    monkeypatch.setenv("PUSH_EVENTS_QUEUE", "push-events")
    without = {function.name for function in index_app(ROOT)}
    monkeypatch.setenv("KAFKA_BROKER_LIST", "broker:9093")
    monkeypatch.setenv("PUSH_EVENTS_TOPIC", "push-events")
    monkeypatch.setenv("KAFKA_USERNAME", "$ConnectionString")
    monkeypatch.setenv("KAFKA_PASSWORD", "secret")

    found = {function.name: function for function in index_app(ROOT)}

    assert found.keys() - without == {"push_events_kafka"}
    trigger = found["push_events_kafka"].trigger
    assert {name: trigger[name] for name in ("type", "cardinality", "dataType", "brokerList", "topic")} == {
        "type": "kafkaTrigger",
        "cardinality": "MANY",
        "dataType": "BINARY",
        "brokerList": "KAFKA_BROKER_LIST",
        "topic": "%PUSH_EVENTS_TOPIC%",
    }
    assert (trigger["protocol"], trigger["authenticationMode"]) == ("SASLSSL", "PLAIN")
    assert (trigger["username"], trigger["password"]) == ("KAFKA_USERNAME", "KAFKA_PASSWORD")
    assert trigger["consumerGroup"] == "emabler-azure"


def test_a_failed_batch_from_kafka_is_tried_again_without_a_limit():
    """By the host, before the extension could move the offset past it; the waits between stay below a minute."""
    environment = {"KAFKA_BROKER_LIST": "broker:9093", "PUSH_EVENTS_TOPIC": "push-events"}
    (builder,) = push_events_kafka.blueprint_for(environment)._function_builders

    assert builder.build().get_settings_dict("retry_policy") == {
        "setting_name": "retry_policy",
        "strategy": "exponential_backoff",
        "max_retry_count": "-1",
        "minimum_interval": "00:00:01",
        "maximum_interval": "00:00:30",
    }


def test_the_hosts_settings_are_those_the_code_counts_on():
    """Batches of the measured size, no prefetch (locks run while messages wait), no offset past a failure, /api."""
    host = json.loads((ROOT / "host.json").read_text())

    assert host["extensions"]["serviceBus"] == {
        "prefetchCount": 0,
        "autoCompleteMessages": True,
        "maxMessageBatchSize": 64,
    }
    assert host["extensions"]["kafka"] == {
        "maxBatchSize": 64,
        "autoOffsetReset": "earliest",
        "commitOnFailure": False,
        "maxRetries": -1,
    }
    assert host["extensions"]["http"]["routePrefix"] == "api"
