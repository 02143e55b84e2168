"""Counting what messages cost by the fleet they are of."""

from bench.growth import rows_and_requests
from bench.storing import delivered
from tests.support.messages import body, documented


async def test_rows_and_requests_are_counted_for_a_message():
    """Two states of one socket in one batch: two rows of the archive, one of the state, and freshness beside."""
    states = [
        body(documented("mt", "charger_state", receivedTimestamp=f"2025-04-02T09:11:0{second}Z")) for second in range(2)
    ]

    rows, requests = await rows_and_requests(delivered(states))
    twice, _ = await rows_and_requests(delivered([*states, *states]))

    layout, archive, status, charger_and_fleet = 1, 2, 1, 2
    assert rows == (layout + archive + status + charger_and_fleet) / 2
    assert requests > 0
    assert twice == rows / 2
