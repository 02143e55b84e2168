"""What must be in the tables after the deliveries: each promise compared with what the simulator meant to tell.

Nothing here uses the app's own code: expected values come from the simulator, found ones from azure-data-tables.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.demo.deliveries import Plan, canonical
from local.demo.http import OverHttp
from local.demo.polling import Polled, lost_session
from local.demo.stored import Stored, StoredRow
from simulator.happenings import Reading

_DIFFERENCES_SHOWN = 5


@dataclass(frozen=True)
class Expectation:
    """One promise, how much was compared for it, and every difference that was found (the first few)."""

    promise: str
    measure: str
    differences: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether what was found is what was expected."""
        return not self.differences


def check(plan: Plan, stored: Stored, dead_letters: int) -> list[Expectation]:
    """Every promise of the demo."""
    return [
        _every_message_is_archived_once(plan, stored),
        _under_its_type(plan, stored),
        _states_are_the_newest(plan, stored),
        _sessions_are_whole(plan, stored),
        _measurements_are_in_base_units(plan, stored),
        _only_what_is_no_json_is_in_quarantine(plan, stored),
        _unknown_types_are_noticed(plan, stored),
        _expectation(
            "Nothing became a dead letter",
            f"{dead_letters} dead letters",
            {"dead letters": 0},
            {"dead letters": dead_letters},
        ),
    ]


def check_http(over_http: OverHttp, stored: Stored) -> list[Expectation]:
    """The promises of taps and webhook."""
    return [_taps_are_answered_by_the_list(over_http, stored), _what_came_by_webhook_is_recognised(over_http, stored)]


def check_polling(plan: Plan, polled: Polled, stored: Stored) -> list[Expectation]:
    """The promises of polling."""
    return [
        _the_lost_push_is_made_good(plan, polled, stored),
        _push_and_rest_are_accounted_for(plan, stored),
        _no_false_alarm(polled, stored),
    ]


def _the_lost_push_is_made_good(plan: Plan, polled: Polled, stored: Stored) -> Expectation:
    truth = plan.lost_push.truth
    expected = {
        "before": ("open", "push", None),
        "after": ("complete", "both", truth.ended_at, truth.energy_wh, truth.id_tag),
    }
    before, after = polled.before, lost_session(stored, plan.lost_push)
    found = {
        "before": (before["state"], before["source"], before.get("energy_wh")),
        "after": (
            after["state"],
            after["source"],
            _seven_digits(after.get("ended_at")),
            _whole(after.get("energy_wh")),
            after.get("id_tag"),
        ),
    }
    return _expectation("A push that was lost is made good from REST", "1 full transaction", expected, found)


def _push_and_rest_are_accounted_for(plan: Plan, stored: Stored) -> Expectation:
    ended = [session for session in plan.truth.sessions.values() if session.has_full]
    expected = {
        "equal": len(ended),
        "completed": 1,
        "unexplained": 0,
        "kept_wh": sum(session.energy_wh or 0 for session in [*ended, plan.lost_push.truth]),
    }
    rows = stored.rows("Reconciliation")
    found = {
        name: sum(_whole(row[column]) or 0 for row in rows)
        for name, column in (
            ("equal", "equal_sessions"),
            ("completed", "completed_sessions"),
            ("unexplained", "unexplained_sessions"),
            ("kept_wh", "kept_wh"),
        )
    }
    return _expectation(
        "Push and REST are accounted for, session by session", f"{len(ended) + 1} sessions", expected, found
    )


def _no_false_alarm(polled: Polled, stored: Stored) -> Expectation:
    """REST shows cars that charge, and push says nothing of them now; but its queue was only just worked off."""
    expected = {"gaps": [], "health": ("ok", 0)}
    found = {
        "gaps": sorted(str(row["charger_id"]) for row in stored.rows("PollState") if row["PartitionKey"] == "gaps"),
        "health": (polled.health.get("status"), polled.health.get("open_gaps")),
    }
    return _expectation("A queue that is worked off late raises no false alarm", "0 gaps of push", expected, found)


def _taps_are_answered_by_the_list(over_http: OverHttp, stored: Stored) -> Expectation:
    rules = {str(row["id_tag"]): row["rule"] for row in stored.rows("AuthDecisions")}
    expected = {
        tapped.driver.id_tag: (200, not standing.reason, standing.reason, standing.rule)
        for tapped in over_http.tapped
        for standing in [tapped.driver.standing]
    }
    found = {
        tapped.driver.id_tag: (
            tapped.answered.status,
            tapped.answered.is_allowed,
            tapped.answered.body.get("reason"),
            rules.get(tapped.driver.id_tag),
        )
        for tapped in over_http.tapped
    }
    measure = f"{len(expected)} taps, {len({standing for *_, standing in expected.values()})} rules"
    return _expectation("Every tap is answered by the list, and kept with its rule", measure, expected, found)


def _what_came_by_webhook_is_recognised(over_http: OverHttp, stored: Stored) -> Expectation:
    content = canonical(over_http.delivered)
    rows = [row for row in stored.rows("PushEvents") if canonical(str(row["raw"]).encode()) == content]
    expected = {"answer": (200, "accepted"), "rows": ["servicebus"]}
    found = {
        "answer": (over_http.answered.status, over_http.answered.body.get("status")),
        "rows": [row["transport"] for row in rows],
    }
    return _expectation(
        "An event that comes by webhook, too, is the same event", "1 event by both ways", expected, found
    )


def _every_message_is_archived_once(plan: Plan, stored: Stored) -> Expectation:
    found = Counter(canonical(str(row["raw"]).encode()) for row in stored.rows("PushEvents"))
    measure = f"{plan.contents.total():,} contents of {len(plan.deliveries):,} deliveries"
    return _expectation("Every message is archived once, as it came", measure, plan.contents, found)


def _under_its_type(plan: Plan, stored: Stored) -> Expectation:
    found = Counter(str(row["type"]) for row in stored.rows("PushEvents"))
    return _expectation("Every message is known by its type", f"{len(found)} types", plan.events_by_type, found)


def _states_are_the_newest(plan: Plan, stored: Stored) -> Expectation:
    expected = {key: (status.status, status.received_at) for key, status in plan.truth.statuses.items()}
    found = {
        _socket(row): (row["status"], _seven_digits(row["status_occurred_at"]))
        for row in stored.rows("ChargerStatus")
        if "status" in row
    }
    return _expectation(
        "Every socket shows its newest state", f"{len(expected)} sockets", expected, _simulated(found, expected)
    )


def _sessions_are_whole(plan: Plan, stored: Stored) -> Expectation:
    lost = plan.lost.session if plan.lost is not None else None
    expected = {
        key: (
            session.state,
            session.started_at,
            session.ended_at,
            session.meter_start_wh,
            session.meter_stop_wh,
            session.energy_wh,
            session.id_tag,
        )
        for key, session in plan.truth.sessions.items()
        if key != lost
    }
    found = {
        (row["charger_id"], row["transaction_id"]): _session(row)
        for row in stored.rows("Transactions")
        if (row["charger_id"], row["transaction_id"]) != lost
    }
    energy_wh = sum(session.energy_wh or 0 for key, session in plan.truth.sessions.items() if key != lost)
    return _expectation(
        "Every session is whole, to the Wh and to 100 ns",
        f"{len(expected)} sessions, {energy_wh:,} Wh",
        expected,
        _simulated(found, expected),
    )


def _session(row: StoredRow) -> tuple[object, ...]:
    return (
        row["state"],
        *(_seven_digits(row.get(column)) for column in ("started_at", "ended_at")),
        *(_whole(row.get(column)) for column in ("meter_start_wh", "meter_stop_wh", "energy_wh")),
        row.get("id_tag"),
    )


def _measurements_are_in_base_units(plan: Plan, stored: Stored) -> Expectation:
    expected = {
        (told.charger_id, told.socket_id, told.received_at): _base_values(told.readings)
        for told in plan.truth.measurements
    }
    rows = {
        (row["charger_id"], row.get("socket_id"), _seven_digits(row.get("received_at"))): row
        for row in stored.rows("Measurements")
    }
    found = {
        key: {column: round(float(row[column]), 6) for column in expected[key] if column in row}
        for key, row in rows.items()
        if key in expected
    }
    values = sum(len(values) for values in expected.values())
    measure = f"{len(expected):,} messages, {values:,} values"
    return _expectation("Every measured value is stored, in its base unit", measure, expected, found)


def _base_values(readings: tuple[Reading, ...]) -> dict[str, float]:
    """`{"voltage_l1_n_v": 231.0}`: as docs/tables.md names the columns."""
    return {
        re.sub(r"[^a-z0-9]+", "_", " ".join(filter(None, words)).lower()): round(float(reading.base_value), 6)
        for reading in readings
        for words in [(reading.measurand, reading.phase, reading.base_unit)]
    }


def _only_what_is_no_json_is_in_quarantine(plan: Plan, stored: Stored) -> Expectation:
    expected = {body.decode(): ("not-json", times) for body, times in plan.quarantined_deliveries.items()}
    found = {str(row.get("raw")): (row["reason"], row["deliveries"]) for row in stored.rows("Quarantine")}
    measure = f"{plan.quarantined_deliveries.total()} of {len(plan.deliveries):,} deliveries"
    return _expectation("What is no JSON is in quarantine, and nothing else", measure, expected, found)


def _unknown_types_are_noticed(plan: Plan, stored: Stored) -> Expectation:
    expected = {"messages of an unknown type": plan.events_by_type["Unknown"]}
    found = {
        "messages of an unknown type": sum(
            _whole(row["count"]) or 0 for row in stored.rows("Drift") if row["kind"] == "type"
        )
    }
    measure = f"{plan.events_by_type['Unknown']} of an unknown type"
    return _expectation("What is new in the messages is noticed", measure, expected, found)


def _expectation(
    promise: str, measure: str, expected: Mapping[Any, object], found: Mapping[Any, object]
) -> Expectation:
    different = [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]
    shown = [
        f"{key}: expected {expected.get(key, 'nothing')}, found {found.get(key, 'nothing')}"
        for key in sorted(different, key=str)[:_DIFFERENCES_SHOWN]
    ]
    if len(different) > len(shown):
        shown.append(f"and {len(different) - len(shown)} more")
    return Expectation(promise, measure, shown)


def _simulated(found: Mapping[Any, object], expected: Mapping[Any, object]) -> dict[Any, object]:
    """Without the rows of the chargers in eMabler's documents, whose examples do not make one story."""
    chargers = {charger_id for charger_id, _ in expected}
    return {key: value for key, value in found.items() if key[0] in chargers}


def _socket(row: StoredRow) -> tuple[str, str]:
    """Charger and socket; the main controller, whose state is the charger's own, is socket 0."""
    part = str(row["RowKey"]).rpartition("!")[2]
    return str(row["charger_id"]), "0" if part == "charger" else part.removeprefix("socket-")


def _seven_digits(moment: Any) -> str | None:
    """A stored time as text with all its digits, of which a datetime would keep six."""
    if moment is None:
        return None
    seconds, _, fraction = str(moment.tables_service_value).removesuffix("Z").partition(".")
    return f"{seconds}.{fraction:0<7}Z"


def _whole(value: Any) -> int | None:
    """An integer; azure-data-tables wraps 64-bit ones together with their type."""
    return None if value is None else int(getattr(value, "value", value))
