"""KAFKA=1: a broker beside the others, through which the fleet pushes; and brokers that are set win over it."""

import io
import os

import pytest
from azure.data.tables import TableServiceClient
from rich.console import Console

from local.stack import Stack, StackError
from local.stack import console as view
from local.stack.services import FUNCTIONS, KAFKA, SERVICE_BUS, STORAGE, SimulatedFleet, simulator
from local.stack.surroundings import look_around
from simulator import Fleet
from simulator.kafka import push_to_kafka

BROKERS = "operator.example:9092"


def surroundings_of(**environment):
    """The surroundings on free ports."""
    return look_around(environment, ports_may_move=True)


def kafka_settings(surroundings):
    """What the app is told of Kafka."""
    return {
        name: value
        for name, value in surroundings.process_environment.items()
        if name in {"KAFKA_BROKER_LIST", "PUSH_EVENTS_TOPIC"}
    }


@pytest.mark.parametrize("environment", [{}, {"KAFKA": ""}, {"KAFKA": "0"}])
def test_without_it_there_is_no_kafka(environment):
    """And the app is as in a deployment without."""
    surroundings = surroundings_of(**environment)

    assert surroundings.kafka_port is None
    assert kafka_settings(surroundings) == {}
    assert not surroundings.reads_somebodys_kafka


def test_the_app_is_told_where_the_stand_in_is():
    """And which topic the fleet pushes to."""
    surroundings = surroundings_of(KAFKA="1")

    assert surroundings.kafka_stand_in == f"127.0.0.1:{surroundings.kafka_port}"
    assert kafka_settings(surroundings) == {
        "KAFKA_BROKER_LIST": surroundings.kafka_stand_in,
        "PUSH_EVENTS_TOPIC": "push-events",
    }
    assert "--transport kafka" in " ".join(simulator(surroundings, SimulatedFleet()).command)


@pytest.mark.parametrize(
    ("environment", "topic"),
    [
        ({"KAFKA": "1"}, "push-events"),
        ({"KAFKA": "1", "PUSH_EVENTS_TOPIC": "other"}, "other"),
        ({"PUSH_EVENTS_TOPIC": "other"}, "other"),
    ],
)
def test_brokers_that_are_set_are_used(environment, topic):
    """As they are, without a stand-in; the simulator pushes to the queue then, and never to them."""
    surroundings = surroundings_of(KAFKA_BROKER_LIST=BROKERS, **environment)

    assert surroundings.kafka_port is None
    assert surroundings.reads_somebodys_kafka
    assert kafka_settings(surroundings) == {"KAFKA_BROKER_LIST": BROKERS, "PUSH_EVENTS_TOPIC": topic}
    assert "--connection-string" in simulator(surroundings, SimulatedFleet()).command


def test_brokers_without_a_topic_are_not_read():
    """Where nobody asks for Kafka: the app says itself that a setting is missing."""
    assert not surroundings_of(KAFKA_BROKER_LIST=BROKERS).reads_somebodys_kafka


def test_another_word_is_refused():
    """A misspelt choice is not guessed."""
    with pytest.raises(StackError, match="KAFKA must be 1 or 0, and is 'yes'"):
        surroundings_of(KAFKA="yes")


@pytest.mark.parametrize(
    ("environment", "warned"), [({"KAFKA": "1"}, 0), ({"KAFKA": "1", "KAFKA_BROKER_LIST": BROKERS}, 1)]
)
def test_who_reads_somebodys_topic_is_warned(tmp_path, environment, warned):
    """Its messages are taken into the tables of this machine, for the whole consumer group."""
    found = view.warnings(Stack(run_folder=tmp_path, environment=environment))

    assert len(found) == warned
    assert all("push-events" in warning and "KAFKA_BROKER_LIST" in warning for warning in found)


def test_a_stack_without_kafka_has_no_brokers(tmp_path):
    """Whoever asks is told what to set."""
    with pytest.raises(StackError, match="KAFKA=1"):
        _ = Stack(run_folder=tmp_path, environment={}).kafka_brokers


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """A stack with Kafka and the real app."""
    somebodys = ("Event", "ServiceBus", "KAFKA", "PUSH_EVENTS")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(somebodys)}
    environment |= {"FUNCTIONS_HOST": "embedded", "KAFKA": "1"}
    with Stack(run_folder=tmp_path_factory.mktemp("run"), environment=environment) as running:
        yield running


async def test_events_of_a_topic_are_stored(stack, wait_until):
    """From the fleet over the broker and the host into the tables, by the app as it is deployed."""
    assert [service.service.name for service in stack.running] == [STORAGE, SERVICE_BUS, KAFKA, FUNCTIONS]
    messages = Fleet(chargers=10).take(60)

    await push_to_kafka(stack.kafka_brokers, "push-events", messages)

    wait_until(lambda: _archived(stack) >= {message.body for message in messages})


@pytest.mark.parametrize(
    ("environment", "fleet", "said"),
    [
        ({"KAFKA": "1"}, SimulatedFleet(), "pushes over Kafka, to the topic push-events"),
        ({}, SimulatedFleet(), "pushes over Service Bus, to the queue push-events"),
        ({"KAFKA": "1"}, None, None),
    ],
)
def test_it_says_by_which_way_the_fleet_pushes(tmp_path, environment, fleet, said):
    """Else the queue would look broken that stays empty."""
    shown = io.StringIO()

    view.welcome(Stack(run_folder=tmp_path, environment=environment, fleet=fleet), Console(file=shown, width=200))

    lines = [line.split(maxsplit=1)[1] for line in shown.getvalue().splitlines() if line.startswith("  fleet ")]
    assert [line.split(";")[0] for line in lines] == ([] if said is None else [said])


def test_it_says_where_kafka_is(stack):
    """With the topic."""
    said = io.StringIO()

    view.welcome(stack, Console(file=said, width=200))

    assert stack.kafka_brokers in said.getvalue()
    assert "topic        push-events" in said.getvalue()


def _archived(stack):
    """The bodies of all events that are stored."""
    with TableServiceClient.from_connection_string(stack.event_storage) as service:
        tables = [table.name for table in service.list_tables() if table.name.startswith("PushEvents")]
        return {row["raw"].encode() for name in tables for row in service.get_table_client(name).list_entities()}
