"""The host between a Kafka broker and a function: the mock cluster, the client library, the runtime library."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Producer

from local.functions_host.host import running_host
from local.kafka import MockCluster
from tests.support.kafka import PARTITIONS, TOPIC, committed, eventually, send

REPOSITORY = Path(__file__).parents[3]

# Writes each batch down as one line; waits, after it has, for ever where there is a file `hang`.
WRITING_APP = """
import json, os, time, typing
import azure.functions as func

app = func.FunctionApp()


@app.kafka_trigger(
    arg_name="events",
    broker_list="KAFKA_BROKER_LIST",
    topic="%PUSH_EVENTS_TOPIC%",
    consumer_group="bridge",
    cardinality=func.Cardinality.MANY,
    data_type=func.DataType.BINARY,
)
def write_down(events: typing.List[func.KafkaEvent]) -> None:
    with open("batches", "a") as file:
        print(json.dumps([int(event.get_body()) for event in events]), file=file, flush=True)
    while os.path.exists("hang"):
        time.sleep(0.01)
"""


@pytest.fixture
def cluster(monkeypatch):
    """A broker that the sample app's settings name."""
    with MockCluster({TOPIC: PARTITIONS}) as running:
        monkeypatch.setenv("KAFKA_BROKER_LIST", running.bootstrap_servers)
        monkeypatch.setenv("PUSH_EVENTS_TOPIC", TOPIC)
        yield running


async def test_function_gets_what_was_sent_and_which_retry_it_is(cluster, kafka_app, monkeypatch):
    """Through broker, client and runtime library, as the function's policy says; and the host says its trigger."""
    monkeypatch.setenv("SAMPLE_RETRIES", "3")
    monkeypatch.setenv("SAMPLE_FAILURES", "1")
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers})
    producer.produce(TOPIC, b"fault", key="SIM-1", headers=[("source", b"emabler")], partition=2)
    assert producer.flush(10) == 0

    async with running_host(kafka_app, "127.0.0.1", 0) as host:
        app = sys.modules["function_app"]
        await eventually(lambda: len(app.retries) == 2)

    assert host.triggers == ("keep_charger_events: kafkaTrigger push-events as sample (batches)",)
    assert app.retries == [(0, 3), (1, 3)]
    for (event,) in app.batches:
        assert (event.get_body(), event.key, event.topic) == (b"fault", "SIM-1", TOPIC)
        assert (event.partition, event.offset) == (2, 0)
        assert event.headers == [{"Key": "source", "Value": "ZW1hYmxlcg=="}]


async def test_another_host_goes_on_where_a_killed_one_was(cluster, make_app, tmp_path):
    """What was committed does not come again, what was in the middle does, and nothing is lost."""
    folder = make_app(WRITING_APP)
    kafka = {"maxBatchSize": 10, "sessionTimeoutMs": 3500, "autoCommitIntervalMs": 20}
    kafka["subscriberIntervalInSeconds"] = 0.1  # the real extension takes whole seconds
    (folder / "host.json").write_text(json.dumps({"version": "2.0", "extensions": {"kafka": kafka}}))
    written = tmp_path / "batches"

    def batches():
        return [json.loads(line) for line in written.read_text().splitlines()] if written.exists() else []

    send(cluster.bootstrap_servers, [str(number).encode() for number in range(40)])
    first = _host(folder)
    try:
        await eventually(lambda: sum(committed(cluster.bootstrap_servers, "bridge")) == 40)
        (folder / "hang").touch()
        send(cluster.bootstrap_servers, [str(number).encode() for number in range(40, 100)])
        await eventually(lambda: sum(map(len, batches())) > 40)
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    before = batches()
    (folder / "hang").unlink()
    second = _host(folder)
    try:
        await eventually(lambda: len({number for batch in batches() for number in batch}) == 100)
    finally:
        second.terminate()
        assert second.wait(20) == 0

    after = [number for batch in batches()[len(before) :] for number in batch]
    assert set(before[-1]) <= set(after), "the batch in the middle did not come again"
    assert sorted(after) == list(range(40, 100)), "what was committed came again"


def _host(folder):
    return subprocess.Popen(
        [sys.executable, "-m", "local.functions_host", "--app", str(folder), "--port", "0"],
        cwd=REPOSITORY,
        env=os.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
