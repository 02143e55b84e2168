"""What the running app tells Application Insights: every kind, once, as one trace, and nothing personal."""

import asyncio
import json
import os
import time

import httpx
import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage

from local.stack import Stack
from tests.support.insights import serving_insights
from tests.support.leaks import leaking_lines
from tests.support.messages import body, documented
from tests.support.tapping import MARKER, TOKEN, Tapper

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

PATIENCE_SECONDS = 60.0
SENDER_TRACE = "0af7651916cd43dd8448eb211c80319c"
SETTINGS = {
    "PYTHON_ENABLE_OPENTELEMETRY": "true",
    "OTEL_TRACES_SAMPLER": "always_on",
    "OTEL_BSP_SCHEDULE_DELAY": "200",
    "OTEL_BLRP_SCHEDULE_DELAY": "200",
    "REALTIME_AUTH_TOKENS": TOKEN,
    "EVENT_RETENTION_MONTHS": "0",
}


@pytest.fixture
def insights():
    """The ingestion endpoint."""
    with serving_insights() as serving:
        yield serving


@pytest.fixture
def stack_of(tmp_path, insights):
    """Makes the whole stack, telling the endpoint, with settings."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("EventStorage", "ServiceBusConnection", "OTEL", "APPLICATIONINSIGHTS"))
    }
    told_to = {"APPLICATIONINSIGHTS_CONNECTION_STRING": insights.connection_string}
    return lambda **settings: Stack(run_folder=tmp_path, environment=environment | SETTINGS | told_to | settings)


@pytest.fixture
def stack(stack_of):
    """One that tells twice a second."""
    with stack_of(OTEL_METRIC_EXPORT_INTERVAL="500") as running:
        yield running


def _send(stack, message, **properties):
    with (
        ServiceBusClient.from_connection_string(stack.service_bus_connection) as client,
        client.get_queue_sender(stack.queue) as sender,
    ):
        sender.send_messages(ServiceBusMessage(message, application_properties=properties or None))


def _deliver_to_webhook(stack, message):
    answer = httpx.post(f"{stack.functions_url}/api/push", content=message, headers={"Authorization": TOKEN})
    assert answer.status_code == 200


async def _tap(stack, id_tag):
    async with Tapper(stack.functions_url) as tapper:
        return await tapper.tap(id_tag)


def _wait_until(stack, insights, condition):
    patience_ends = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        stack.check()
        assert time.monotonic() < patience_ends, insights.text[-3000:] or stack.output("functions")[-2000:]
        time.sleep(0.05)


def test_metrics_traces_and_lines_arrive_once_and_hold_nothing_personal(stack, insights):
    """From the first second on: what happens before the exporter is there is told, too."""
    unreadable = b'{"charger": "no'
    asyncio.run(_tap(stack, f"{MARKER}nobody"))
    _send(stack, unreadable)
    _wait_until(stack, insights, lambda: insights.totals("emabler.push.quarantined").total() == 1)
    _send(stack, body(documented("mt", "charger_state")), traceparent=f"00-{SENDER_TRACE}-b7ad6b7169203331-01")
    _deliver_to_webhook(stack, body(documented("mt", "full_charging_transaction")))
    _wait_until(stack, insights, lambda: insights.totals("emabler.push.events").total() == 2)
    _wait_until(stack, insights, lambda: len(insights.spans("store batch")) >= 2 and insights.spans("take delivery"))

    assert insights.totals("emabler.push.events", "type") == {"ChargerState": 1, "FullChargingTransaction": 1}
    assert insights.totals("emabler.push.events", "transport") == {"servicebus": 1, "webhook": 1}
    assert insights.totals("emabler.taps", "rule") == {"tag-unknown": 1}
    assert insights.totals("emabler.webhook.deliveries", "outcome") == {"queue": 1}
    assert insights.totals("emabler.tables.requests", "operation")["transaction"] > 3
    _assert_one_trace_from_the_sender_to_the_tables(insights)
    _assert_lines_are_told_once(stack, insights)
    assert leaking_lines(insights.text) == []


def test_a_timers_run_is_told_at_its_end(stack_of, insights):
    """Not with the next interval, a minute later: its instance may be gone by then."""
    with stack_of(EMABLER_API_KEY="key", EMABLER_BASE_URL="http://127.0.0.1:1/api/v2/cpo") as stack:
        began = time.monotonic()
        httpx.post(f"{stack.functions_url}/admin/functions/poll_chargers", json={}, timeout=PATIENCE_SECONDS)
        _wait_until(stack, insights, lambda: insights.totals("emabler.poll.runs", "outcome") == {"failed": 1})

    assert time.monotonic() - began < 30


def test_who_is_let_in_nowhere_is_told(stack_of, insights):
    """A secret that is not in the vault yet refuses every driver, and no error of the server says so."""
    reference = "@Microsoft.KeyVault(VaultName=v;SecretName=realtime-auth-tokens)"
    with stack_of(OTEL_METRIC_EXPORT_INTERVAL="500", REALTIME_AUTH_TOKENS=reference) as stack:
        assert asyncio.run(_tap(stack, f"{MARKER}nobody")).status == 401
        _wait_until(stack, insights, lambda: insights.totals("emabler.callers.refused", "setting").total() == 1)
        _wait_until(stack, insights, lambda: any(line.startswith("nobody is let in") for line in insights.lines()))


def _assert_one_trace_from_the_sender_to_the_tables(insights):
    """The batch is linked to its sender's trace, the webhook's included, and its writes are below it."""
    batches = insights.spans("store batch")
    linked = {
        link["operation_Id"]: batch
        for batch in batches
        for link in json.loads(batch["properties"].get("_MS.links", "[]"))
    }
    (delivery,) = insights.spans("take delivery")
    assert {SENDER_TRACE, delivery["trace"]} <= linked.keys()
    writes = insights.spans("write rows")
    for batch in linked.values():
        tables = {write["properties"]["table"] for write in writes if write["parent"] == batch["id"]}
        assert any(table.startswith("PushEvents") for table in tables)
        assert {write["trace"] for write in writes if write["parent"] == batch["id"]} == {batch["trace"]}


def _assert_lines_are_told_once(stack, insights):
    """Also those from before; a second exporter would double them."""
    stack.stop()
    in_the_log = stack.output("functions").count("ingest deliveries=")
    told = [line for line in insights.lines() if line.startswith("ingest deliveries=")]
    assert 1 <= len(told) <= in_the_log
    assert len(told) == len(set(told))
