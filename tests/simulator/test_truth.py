"""The truth about small sets of messages, and about a fleet."""

from dataclasses import replace

import pytest

from simulator import Fleet, Truth, oddities
from simulator.equipment import build_charger
from simulator.happenings import Generation, Happening, Kind, Reading
from simulator.messages import write
from simulator.truth import MeasuredTruth, NewestStatus, SessionTruth

SECOND = 10_000_000
NOON = 17_435_952_000_000_000
"""2025-04-02T12:00:00Z"""

EX_CHARGER = build_charger(1, 1, Generation.EX)
V1_CHARGER = build_charger(1, 1, Generation.V1)


def happening(kind, after_seconds=0, **changes):
    """Something that happened so long after noon."""
    fields = {"charger": EX_CHARGER, "socket_id": 1, "received_at": NOON + after_seconds * SECOND}
    return Happening(kind=kind, **(fields | changes))


def state(status, after_seconds=0, **changes):
    """A state of socket 1."""
    return happening(Kind.STATE, after_seconds, status=status, error_code="NoError", message="", **changes)


def truth_of(*happenings):
    """The truth of their messages."""
    return Truth.of(map(write, happenings))


START = happening(Kind.START, device_at=NOON - SECOND, transaction_id=7, id_tag="TAG", meter_start_wh=100)
FULL = happening(
    Kind.FULL,
    3600,
    transaction_id=7,
    id_tag="TAG",
    started_at=NOON - 2 * SECOND,
    ended_at=NOON + 3599 * SECOND,
    meter_start_wh=100,
    meter_end_wh=9_100,
)


def test_a_message_sent_twice_is_one_event():
    """Events are counted by content."""
    assert truth_of(START, START, FULL).events == {"ChargingTransaction": 1, "FullChargingTransaction": 1}


@pytest.mark.parametrize("step", [1, -1])
def test_the_newest_state_is_the_one_received_last(step):
    """In whatever order the messages are given."""
    states = [state("Available", 30), state("Preparing", 10), state("Charging", 20)]

    assert truth_of(*states[::step]).statuses == {
        (EX_CHARGER.charger_id, "1"): NewestStatus("Available", "NoError", "", "2025-04-02T12:00:30.0000000Z")
    }


def test_a_report_is_no_state():
    """`Info` neither replaces a state nor is one."""
    assert truth_of(state("Info", 5)).statuses == {}
    assert truth_of(state("Charging"), state("Info", 5)).statuses[EX_CHARGER.charger_id, "1"].status == "Charging"


def test_an_open_session():
    """A start alone tells when, who and from where the meter counts."""
    assert truth_of(START).sessions == {
        (EX_CHARGER.charger_id, "7"): SessionTruth(
            "1", "TAG", started_at="2025-04-02T11:59:59.0000000Z", meter_start_wh=100, has_start=True
        )
    }


@pytest.mark.parametrize("happenings", [(START, FULL), (FULL, START)])
def test_a_complete_session_is_as_the_full_transaction_says(happenings):
    """Its times come before those of the start."""
    session = truth_of(*happenings).sessions[EX_CHARGER.charger_id, "7"]

    assert (session.started_at, session.ended_at) == ("2025-04-02T11:59:58.0000000Z", "2025-04-02T12:59:59.0000000Z")
    assert (session.energy_wh, session.state, session.has_start, session.has_stop) == (9_000, "complete", True, False)


def test_a_stopped_session_of_the_first_generation():
    """Its only clock is the platform's, and the energy is the difference of the reads."""
    start = replace(START, charger=V1_CHARGER, device_at=None)
    stop = happening(Kind.STOP, 60, charger=V1_CHARGER, transaction_id=7, id_tag="TAG", meter_end_wh=300)

    session = truth_of(stop, start).sessions[V1_CHARGER.charger_id, "7"]

    assert (session.started_at, session.ended_at) == ("2025-04-02T12:00:00.0000000Z", "2025-04-02T12:01:00.0000000Z")
    assert (session.energy_wh, session.state) == (200, "ended")


def test_measured_values_are_in_base_units():
    """Next to what was written."""
    reading = Reading("Energy.Active.Import.Register", None, "1.234", "kWh", 1234, "Wh")

    (measured,) = truth_of(happening(Kind.MEASUREMENTS, transaction_id=7, readings=(reading,))).measurements

    assert measured == MeasuredTruth(EX_CHARGER.charger_id, "1", "7", "2025-04-02T12:00:00.0000000Z", (reading,))


def test_oddities_are_known_apart():
    """What is no JSON is no event; what is of an unknown type is one."""
    messages = oddities(seed=1, count=3)

    truth = Truth.of(messages)

    assert (len(truth.not_json), len(truth.unknown)) == (3, 3)
    assert truth.events == {"Unknown": 3}


def test_the_truth_of_a_fleet_is_consistent():
    """Counts of events, sessions and measurements agree with each other."""
    truth = Truth.of(Fleet(chargers=60, generation="v1").day())
    sessions = truth.sessions.values()

    assert truth.events["FullChargingTransaction"] == sum(session.has_full for session in sessions)
    assert truth.events["ChargingTransaction"] == sum(session.has_start + session.has_stop for session in sessions)
    assert truth.events["Measurements"] == len(truth.measurements)
    assert all(session.started_at < session.ended_at for session in sessions if session.has_full)
    assert {session.state for session in sessions} >= {"open", "complete"}
