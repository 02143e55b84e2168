"""Pushes and polls of minutes and hours apart: the rows after the next poll, and no false alarm."""

import pytest

from shared.emabler.rest.addresses import ApiVersion
from shared.emabler.rest.answers import ChargerSeen, SocketSeen
from tests.shared.polling.support import World, after, state
from tests.shared.polling.test_status_orders import _ends
from tests.shared.polling.test_statuses import at, polled, polled_socket, pushed, seen
from tests.support.fake_emabler import FakeEmabler

MINUTES = 60


@pytest.mark.parametrize("apart_minutes", [1, 20])
def test_a_state_that_both_tell_is_pushs_however_late_the_push_comes(apart_minutes):
    """v1 dates a state by the charger's last message, so a poll after a pause dates it any time later than push."""
    pushes = [pushed("Charging", at(0), socketId=1), pushed("Available", at(MINUTES), socketId=1)]
    told = polled_socket("Available", None, last_seen_at=at((1 + apart_minutes) * MINUTES))
    told.other_told_at = at(-MINUTES)

    ends = _ends(pushes, [told], told)

    assert len(ends) == 1, ends


def test_a_state_that_both_tell_is_pushs_by_whichever_clock():
    """A message without a receive time tells the charger's own."""
    push = pushed("Available", None, deviceTimeStamp=at(0).iso, socketId=1)
    told = polled_socket("Available", None, last_seen_at=at(MINUTES))
    told.other_told_at = at(-MINUTES)

    ends = _ends([push], [told], told)

    assert len(ends) == 1, ends


def test_the_site_is_the_same_after_the_next_poll():
    """Boots of two generations name no site; taps are refused by site."""
    pushes = [pushed(None, at(0), kind="charger_boot", siteId=None, externalSiteId=None)]
    told = polled(
        seen(sockets=(SocketSeen("0", status="Error", updated_at=at(60)),), last_seen_at=at(60), site_id="7")
    )["charger"]

    ends = _ends(pushes, [told], told)

    assert len(ends) == 1, ends


def _v1(status, minute):
    """A charger as v1 has it: no time but that of its last message, which is a heartbeat."""
    return ChargerSeen(
        "C1", is_connected=True, last_seen_at=after(minute), site_id="7", sockets=(SocketSeen("1", status=status),)
    )


@pytest.mark.parametrize("poll_is_first", [False, True])
async def test_a_state_that_push_told_during_an_outage_of_ours_is_no_gap(poll_is_first):
    """The app was away from minute 10 to 70; a session ended at minute 20, and then nobody came.

    Whether the first poll or the queue is quicker after the outage must not matter.
    """
    world = World(api=FakeEmabler(ApiVersion.V1))
    await world.push(state("C1", "Available", after(0)))
    polled = None

    async def poll(status, minute):
        nonlocal polled
        world.now = after(minute)
        world.api.chargers_now["C1"] = _v1(status, minute)
        polled = await world.poller.chargers()

    for minute, status in ((1, "Available"), (6, "Charging")):
        if status == "Charging":
            await world.push(state("C1", "Charging", after(5)))
        await poll(status, minute)
    world.now = after(70)
    if poll_is_first:
        await poll("Available", 70)
    await world.push(state("C1", "Available", after(20)))
    await world.push(state("OTHER", "Available", after(70)))  # the queue is worked off
    for minute in range(71, 400, 5):
        if minute % 30 == 11:
            world.now = after(minute)
            await world.push(state("OTHER", "Available", after(minute)))
        await poll("Available", minute)

    assert polled.open_gaps == 0
