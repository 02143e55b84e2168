"""What is set in the environment wins over what the stack would start."""

import pytest

from local.stack.errors import StackError
from local.stack.ports import BLOB_PORT, QUEUE_PORT, TABLE_PORT
from local.stack.surroundings import look_around

REAL_NAMESPACE = "Endpoint=sb://operator.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey=k"
EMULATOR = "Endpoint=sb://localhost;SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator=true;"


def surroundings_of(**environment):
    """The surroundings on free ports."""
    return look_around(environment, ports_may_move=True)


def test_everything_is_started_where_nothing_is_set():
    """And the app is told where it is."""
    surroundings = surroundings_of()
    environment = surroundings.process_environment

    assert environment["ServiceBusConnection"] == surroundings.service_bus_connection
    assert f"localhost:{surroundings.service_bus_port};" in surroundings.service_bus_connection
    assert environment["EventStorage"] == environment["AzureWebJobsStorage"] == surroundings.event_storage
    assert f":{surroundings.storage_ports[TABLE_PORT]}/devstoreaccount1" in surroundings.event_storage
    assert environment["PUSH_EVENTS_QUEUE"] == surroundings.queue == "push-events"
    assert surroundings.service_bus_is_local


@pytest.mark.parametrize(
    "setting",
    [
        {"ServiceBusConnection": REAL_NAMESPACE},
        {"ServiceBusConnection__fullyQualifiedNamespace": "operator.servicebus.windows.net"},
    ],
)
def test_no_stand_in_beside_a_namespace(setting):
    """It is used as it is set, and counts as somebody's own."""
    surroundings = surroundings_of(**setting)

    assert surroundings.service_bus_port is None
    assert not surroundings.service_bus_is_local
    assert surroundings.service_bus_connection == setting.get("ServiceBusConnection")
    assert surroundings.process_environment.items() >= setting.items()


def test_an_emulator_elsewhere_is_local():
    """The simulator may push to Microsoft's emulator."""
    assert surroundings_of(ServiceBusConnection=EMULATOR).service_bus_is_local


@pytest.mark.parametrize(
    "setting",
    [
        {"EventStorage": "UseDevelopmentStorage=true"},
        {"EventStorage__tableServiceUri": "https://operator.table.core.windows.net"},
    ],
)
def test_no_azurite_beside_a_storage_account(setting):
    """And the app gets that account alone."""
    surroundings = surroundings_of(**setting)
    environment = surroundings.process_environment

    assert surroundings.storage_ports == {}
    assert surroundings.event_storage == setting.get("EventStorage")
    assert {name: value for name, value in environment.items() if name.startswith("EventStorage")} == setting


def test_settings_reach_the_app_and_win_over_the_defaults():
    """`REALTIME_AUTH_TOKENS=x PUSH_EVENTS_QUEUE=y make up`; what is set to nothing is not set."""
    environment = surroundings_of(
        REALTIME_AUTH_TOKENS="x", PUSH_EVENTS_QUEUE="other", FUNCTIONS_WORKER_RUNTIME="", EMPTY=""
    ).process_environment

    assert environment["REALTIME_AUTH_TOKENS"] == "x"
    assert environment["PUSH_EVENTS_QUEUE"] == "other"
    assert environment["FUNCTIONS_WORKER_RUNTIME"] == "python"
    assert environment["EMPTY"] == ""


@pytest.fixture
def path_with_core_tools(tmp_path):
    """A PATH on which there is a `func`."""
    func = tmp_path / "func"
    func.write_text("#!/bin/sh\n")
    func.chmod(0o755)
    return str(tmp_path)


def test_core_tools_are_taken_where_they_are_installed(path_with_core_tools):
    """They want all three storage services; the embedded host can be asked for."""
    surroundings = surroundings_of(PATH=path_with_core_tools)

    assert surroundings.host_is_core_tools
    assert surroundings.storage_ports.keys() == {TABLE_PORT, BLOB_PORT, QUEUE_PORT}
    assert "QueueEndpoint=" in surroundings.process_environment["AzureWebJobsStorage"]
    assert not surroundings_of(PATH=path_with_core_tools, FUNCTIONS_HOST="embedded").host_is_core_tools


def test_core_tools_that_are_missing_are_named(tmp_path):
    """With the command that installs them."""
    with pytest.raises(StackError, match="npm install -g azure-functions-core-tools"):
        surroundings_of(PATH=str(tmp_path), FUNCTIONS_HOST="core-tools")


def test_another_host_is_refused():
    """A misspelt choice is not guessed."""
    with pytest.raises(StackError, match="FUNCTIONS_HOST must be embedded or core-tools, and is 'docker'"):
        surroundings_of(FUNCTIONS_HOST="docker")
