"""What production would find in this app: a broken import or decorator must never deploy as "0 functions"."""

import json
from pathlib import Path

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


def test_the_hosts_settings_are_those_the_code_counts_on():
    """Batches of the measured size, no prefetch (locks run while messages wait), routes under /api."""
    host = json.loads((ROOT / "host.json").read_text())

    assert host["extensions"]["serviceBus"] == {
        "prefetchCount": 0,
        "autoCompleteMessages": True,
        "maxMessageBatchSize": 64,
    }
    assert host["extensions"]["http"]["routePrefix"] == "api"
