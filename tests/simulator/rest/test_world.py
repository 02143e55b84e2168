"""What the platform knows, compared with what the fleet lived."""

import random

import pytest

from simulator import Truth
from simulator.happenings import Kind
from simulator.messages import write
from simulator.moments import iso
from simulator.rest.world import AddedCharger, World

HOUR = 3600 * 10_000_000


@pytest.fixture(scope="module")
def truth(day):
    """The day as it is true."""
    return Truth.of(map(write, day.happenings))


def heard(day, happenings, **options):
    """A world at the end of the day that has heard just these."""
    world = World(day.fleet.chargers, lambda: day.end, **options)
    for happening in happenings:
        world.hear(happening)
    return world


def told(world):
    """All that a world says of sessions and states."""
    return (
        list(world.finished()),
        sorted((start.charger.charger_id, start.transaction_id) for start in world.ongoing()),
        [world.events(charger) for charger in world.chargers.values()],
        [world.last_seen_at(charger) for charger in world.chargers.values()],
    )


def test_finished_sessions_are_those_of_the_truth(world, truth):
    """Each complete session once, with its place, times, energy and tag."""
    found = {
        (session.charger.charger_id, str(session.transaction_id)): (
            str(session.socket_id),
            iso(session.started_at),
            iso(session.ended_at),
            session.energy_wh,
            session.id_tag,
        )
        for session in world.finished()
    }

    assert found == {
        key: (session.socket_id, session.started_at, session.ended_at, session.energy_wh, session.id_tag)
        for key, session in truth.sessions.items()
        if session.has_full
    }
    assert len(found) == sum(1 for _ in world.finished()) > 20


def test_ongoing_sessions_are_those_that_began_and_have_no_full_transaction(world, truth):
    """Sessions that run and sessions that were cut off: the platform cannot tell them apart."""
    found = {(start.charger.charger_id, str(start.transaction_id)) for start in world.ongoing()}

    assert found == {key for key, session in truth.sessions.items() if session.has_start and not session.has_full}
    assert found


def test_newest_states_are_those_of_the_truth(world, truth):
    """Of every socket and main controller; a report is no state."""
    for (charger_id, socket_id), newest in truth.statuses.items():
        state = world.newest_state(world.chargers[charger_id], int(socket_id))
        assert state is not None
        assert (state.status, iso(state.received_at)) == (newest.status, newest.received_at)


def test_events_are_all_states_and_reports(world, day):
    """The twins of what push calls ChargerState."""
    events = [event for charger in day.fleet.chargers for event in world.events(charger)]

    assert len(events) == len(day.of(Kind.STATE))
    assert "Info" in {event.status for event in events}


def test_order_and_repeats_change_nothing(day, world):
    """What was heard twice or late is known once, at its own time."""
    disordered = [*day.happenings, *day.happenings[:500]]
    random.Random(1).shuffle(disordered)

    assert told(heard(day, disordered)) == told(world)


def test_a_full_transaction_is_not_known_before_it_is_received(day):
    """One tick makes an ongoing session a finished one."""
    starts = {(start.charger.charger_id, start.transaction_id) for start in day.of(Kind.START)}
    full = next(full for full in day.of(Kind.FULL) if (full.charger.charger_id, full.transaction_id) in starts)
    now = full.received_at - 1
    world = World(day.fleet.chargers, lambda: now)
    for happening in day.happenings:
        world.hear(happening)

    def is_finished():
        return full.transaction_id in {session.transaction_id for session in world.finished()}

    def is_ongoing():
        return full.transaction_id in {start.transaction_id for start in world.ongoing_at(full.charger)}

    assert (is_finished(), is_ongoing()) == (False, True)
    now += 1
    assert (is_finished(), is_ongoing()) == (True, False)


def test_a_source_is_heard_as_far_as_time_has_come(day, world):
    """Neither earlier nor later, and in the end all of it."""
    now = day.fleet.start_ticks + 12 * HOUR
    living = World(day.fleet.chargers, lambda: now, source=iter(day.happenings))
    living.catch_up()
    at_noon = told(living)

    assert at_noon == told(_as_of(day, now))
    now = day.end
    living.catch_up()
    assert told(living) == told(world)


def _as_of(day, now):
    world = World(day.fleet.chargers, lambda: now)
    for happening in day.happenings:
        world.hear(happening)
    return world


def test_a_skewed_clock_shifts_the_times_of_sessions_and_nothing_else(day, world):
    """States and last contacts keep the platform's own time."""
    skewed = heard(day, day.happenings, clock_skew_seconds=-90)
    by = -900_000_000

    assert [(session.started_at, session.ended_at) for session in skewed.finished()] == [
        (session.started_at + by, session.ended_at + by) for session in world.finished()
    ]
    assert told(skewed)[1:] == told(world)[1:]


def test_a_charger_is_connected_until_the_platform_loses_it_and_again_when_it_is_back(day):
    """Offline is the platform's word, so the charger was last seen before it."""
    offline, back = _outage(day)
    before = [
        happening
        for happening in day.happenings
        if happening.charger is offline.charger and happening.received_at < offline.received_at
    ]
    now = day.fleet.start_ticks - 1
    world = World(day.fleet.chargers, lambda: now)
    for happening in day.happenings:
        world.hear(happening)

    def seen():
        return world.is_connected(offline.charger), world.last_seen_at(offline.charger)

    assert seen() == (False, None)
    now = offline.received_at - 1
    assert seen() == (True, before[-1].received_at)
    now = offline.received_at
    assert seen() == (False, before[-1].received_at)
    now = back.received_at
    assert seen() == (True, back.received_at)


def _outage(day):
    """The word that a charger was lost, and its first state thereafter."""
    for offline in day.of(Kind.STATE):
        if offline.status != "Offline":
            continue
        states = [
            state
            for state in day.of(Kind.STATE)
            if state.charger is offline.charger and state.socket_id and state.status not in ("Info", "Offline")
        ]
        later = [state for state in states if state.received_at > offline.received_at]
        if 0 < len(later) < len(states):
            return offline, later[0]
    pytest.fail("no charger is lost and comes back on this day: choose another seed")


def test_an_added_charger_is_remembered_and_can_make_contact(world, day):
    """At a site that is there, under an id that is free."""
    site_id = world.add_site("New")

    assert world.add_charger("NEW", AddedCharger("The new one", site_id))
    assert not world.add_charger("NEW", AddedCharger("Again", site_id))
    assert not world.add_charger(day.fleet.chargers[0].charger_id, AddedCharger("The fleet's", site_id))
    assert not world.add_charger("NEWER", AddedCharger("Nowhere", site_id + 1))
    world.connect("NEW")
    assert world.connected_at == {"NEW": day.end}
    with pytest.raises(KeyError):
        world.connect("NEWER")
