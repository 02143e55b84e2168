"""The demo finds everything stored; and when something is not, it says so."""

import io
import os
from copy import deepcopy
from functools import partial

import pytest
from rich.console import Console

from local.demo import __main__ as demo
from local.demo.deliveries import make_plan
from local.demo.errors import DemoFailed
from local.demo.expectations import check, check_http, check_polling
from local.demo.http import import_tags, tap_and_deliver
from local.demo.polling import SimulatedRest, poll_everything
from local.demo.queue import send_until_stored
from local.demo.stored import Stored
from local.demo.view import WIDTH
from local.stack import Stack
from local.stack.services import FUNCTIONS

REAL_NAMESPACE = "Endpoint=sb://operator.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey=k"
EMULATOR = "Endpoint=sb://localhost;SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator=true;"


@pytest.fixture(scope="module")
def rest(plan):
    """The simulated REST API for this module."""
    with SimulatedRest(plan.lost_push) as rest:
        yield rest


@pytest.fixture(scope="module")
def stack(tmp_path_factory, rest):
    """A stack for this module."""
    environment = demo.demo_environment(os.environ) | {"FUNCTIONS_HOST": "embedded"} | rest.environment
    with Stack(run_folder=tmp_path_factory.mktemp("run"), environment=environment) as stack:
        yield stack


@pytest.fixture(scope="module")
def plan():
    """What the demo sends."""
    return make_plan()


@pytest.fixture(scope="module")
def sent(stack, plan, rest):
    """The number of dead letters after everything was sent, and what was asked over HTTP and polled after that."""
    _, dead_letters = send_until_stored(
        stack.service_bus_connection, stack.queue, plan.deliveries, patience_seconds=40, meanwhile=stack.check
    )
    import_tags(stack)
    over_http = tap_and_deliver(stack, plan.documented_body)
    return dead_letters, over_http, poll_everything(stack, plan.lost_push, rest)


@pytest.fixture(scope="module")
def outcome(stack, sent):
    """The tables and the number of dead letters after all of that."""
    return Stored.read(stack.event_storage), sent[0]


@pytest.fixture(scope="module")
def over_http(sent):
    """What was asked over HTTP, and answered."""
    return sent[1]


@pytest.fixture(scope="module")
def polled(sent):
    """What polling came to."""
    return sent[2]


def test_every_promise_holds(plan, outcome, over_http, polled):
    """And each of them is about something."""
    stored = outcome[0]
    found = [*check(plan, *outcome), *check_http(over_http, stored), *check_polling(plan, polled, stored)]

    assert [expectation.differences for expectation in found] == [[]] * 13
    assert {tapped.answered.is_allowed for tapped in over_http.tapped} == {True, False}
    assert plan.documented == 15
    assert plan.quarantined_deliveries.total() >= 1
    assert len(plan.deliveries) > plan.contents.total() > 1000


def lose_a_row(table, tables):
    """The last row of the newest of the tables whose names begin so: months of the simulated day come last."""
    newest = max(name for name in tables if name == table or name.removeprefix(table).isdigit())
    tables[newest].pop()


def spoil(table, column, value, tables):
    """Another value in the first row of a simulated charger that has the column."""
    rows = [row for name, rows in tables.items() if name.startswith(table) for row in rows]
    next(row for row in rows if column in row and not row["charger_id"].startswith("ID_"))[column] = value


def raise_a_false_alarm(tables):
    """A gap where there is none."""
    tables["PollState"].append({"PartitionKey": "gaps", "RowKey": "C", "charger_id": "C"})


def store_twice(tables):
    """One event under another key."""
    tables["PushEvents202504"].append(tables["PushEvents202504"][-1])


def store_the_redelivery_twice(tables):
    """Every event once more, as if none had been recognised."""
    for name, rows in tables.items():
        if name.startswith("PushEvents"):
            rows.extend(deepcopy(rows))


@pytest.mark.parametrize(
    ("change", "broken_promise"),
    [
        (partial(lose_a_row, "PushEvents"), "Every message is archived once"),
        (store_twice, "Every message is archived once"),
        (partial(spoil, "PushEvents", "type", "Measured"), "Every message is known by its type"),
        (partial(spoil, "ChargerStatus", "status", "Info"), "Every socket shows its newest state"),
        (partial(lose_a_row, "Transactions"), "Every session is whole"),
        (partial(spoil, "Transactions", "energy_wh", 1), "Every session is whole"),
        (partial(spoil, "Measurements", "energy_active_import_register_wh", 0.5), "Every measured value is stored"),
        (partial(lose_a_row, "Measurements"), "Every measured value is stored"),
        (partial(lose_a_row, "Quarantine"), "What is no JSON is in quarantine"),
        (partial(lose_a_row, "Drift"), "What is new in the messages is noticed"),
    ],
)
def test_what_does_not_hold_is_found(plan, outcome, change, broken_promise):
    """Each promise is broken once, by one row, and named with what was found instead."""
    stored, dead_letters = deepcopy(outcome)
    change(stored.tables)

    broken = [expectation for expectation in check(plan, stored, dead_letters) if not expectation.holds]

    assert any(expectation.promise.startswith(broken_promise) for expectation in broken)
    assert all("expected" in expectation.differences[0] for expectation in broken)


def spoil_a_rule(tables):
    """Another rule in the record of a tap."""
    next(rows for name, rows in tables.items() if name.startswith("AuthDecisions"))[0]["rule"] = "whim"


@pytest.mark.parametrize(
    ("change", "broken_promise"),
    [
        (spoil_a_rule, "Every tap is answered by the list"),
        (partial(lose_a_row, "AuthDecisions"), "Every tap is answered by the list"),
        (store_the_redelivery_twice, "An event that comes by webhook"),
    ],
)
def test_what_does_not_hold_over_http_is_found(outcome, over_http, change, broken_promise):
    """As for what came by the queue."""
    stored = deepcopy(outcome[0])
    change(stored.tables)

    broken = [expectation for expectation in check_http(over_http, stored) if not expectation.holds]

    assert [expectation.promise.startswith(broken_promise) for expectation in broken] == [True]


@pytest.mark.parametrize(
    ("change", "broken_promise"),
    [
        (partial(spoil, "Transactions", "source", "push"), "A push that was lost is made good"),
        (partial(lose_a_row, "Reconciliation"), "Push and REST are accounted for"),
        (raise_a_false_alarm, "A queue that is worked off late raises no false alarm"),
    ],
)
def test_what_polling_did_not_do_is_found(plan, outcome, polled, change, broken_promise):
    """As for all else."""
    # Not a deep copy: times would lose their seventh digit.
    stored = Stored({name: [dict(row) for row in rows] for name, rows in outcome[0].tables.items()})
    if "Transactions" in getattr(change, "args", ()):
        lost = [row for row in stored.tables["Transactions"] if row["source"] == "both"]
        stored.tables["Transactions"].sort(
            key=lambda row: (row["charger_id"], row["transaction_id"]) != plan.lost_push.session
        )
        assert lost
    change(stored.tables)

    broken = [expectation.promise for expectation in check_polling(plan, polled, stored) if not expectation.holds]

    assert [promise[: len(broken_promise)] for promise in broken] == [broken_promise]


def test_a_dead_letter_breaks_a_promise(plan, outcome):
    """The function has no reason to fail."""
    stored, _ = outcome

    assert [item.promise for item in check(plan, stored, 1) if not item.holds] == ["Nothing became a dead letter"]


def test_it_fits_a_terminal_of_a_hundred_columns(plan, outcome, over_http, polled):
    """Without colours, as in a log."""
    console = Console(file=io.StringIO(), width=WIDTH, no_color=True, highlight=False)

    stored = outcome[0]
    found = check(plan, *outcome) + check_http(over_http, stored) + check_polling(plan, polled, stored)
    demo.show(console, plan, stored, over_http, polled, found)

    lines = console.file.getvalue().splitlines()
    assert max(len(line) for line in lines) <= WIDTH
    assert [line for line in lines if "…" in line or "\x1b" in line] == []
    assert any(line.startswith("FullChargingTransaction") for line in lines)


def test_messages_that_are_not_stored_end_the_demo(stack, plan):
    """With how far it came; the function that should take them is gone."""
    stack.kill(FUNCTIONS)
    try:
        with pytest.raises(DemoFailed, match="2 of 2 messages were sent and at least 2 of them are not stored"):
            send_until_stored(stack.service_bus_connection, stack.queue, plan.deliveries[:2], patience_seconds=1.5)
    finally:
        stack.start(FUNCTIONS)


def test_it_ends_loudly_when_a_promise_is_broken(monkeypatch, capsys, plan, outcome):
    """Exit code 1, the promise, and what was found."""
    stored, _ = outcome
    broken = [item for item in check(plan, stored, 3) if not item.holds]
    monkeypatch.setattr(demo, "run", lambda _console: broken)

    assert demo.main() == 1

    shown = capsys.readouterr().out
    assert "1 of the promises did not hold" in shown
    assert "dead letters: expected 0, found 3" in shown


def test_it_never_takes_messages_from_a_real_queue_or_topic():
    """Its tables are gone when it ends; settings of the app and an emulator are used."""
    somebodys = {"ServiceBusConnection": REAL_NAMESPACE, "EventStorage": "real", "EMABLER_API_KEY": "real"}
    somebodys |= {"KAFKA_BROKER_LIST": "real:9092", "KAFKA_PASSWORD": "real", "PUSH_EVENTS_TOPIC": "real", "KAFKA": "1"}
    environment = demo.demo_environment(somebodys | {"EVENT_SHARDS": "8"})

    assert environment == {"EVENT_SHARDS": "8", "EVENT_RETENTION_MONTHS": "0"}
    assert demo.demo_environment({"ServiceBusConnection": EMULATOR})["ServiceBusConnection"] == EMULATOR
