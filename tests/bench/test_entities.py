"""Counting rows by the event they were written for."""

from bench.entities import count_writes
from bench.storing import delivered
from tests.support.messages import body, documented


async def test_a_state_and_measurements_cost_two_rows_each():
    """Each has its archive row and one more, in the table of its kind."""
    messages = [body(documented("mt", "charger_state")), body(documented("mt", "measurements"))]

    writes = await count_writes(delivered(messages), 64)

    assert writes.events == {"ChargerState": 1, "Measurements": 1}
    assert writes.rows["ChargerState", "PushEvents"] == 1
    assert writes.rows["ChargerState", "ChargerStatus"] == 1
    assert writes.rows["Measurements", "Measurements"] == 1


async def test_a_repeat_costs_no_row():
    """The same message twice is one event with its two rows."""
    message = body(documented("mt", "charger_state"))

    once, twice = await count_writes(delivered([message]), 1), await count_writes(delivered([message] * 2), 1)

    assert twice.events == once.events
    assert twice.rows == once.rows


async def test_small_batches_write_a_socket_more_often():
    """Two states of one socket are one row in one batch, and two rows in two."""
    messages = [
        body(documented("mt", "charger_state", receivedTimestamp=f"2025-04-02T09:11:0{second}Z")) for second in range(2)
    ]

    together, apart = await count_writes(delivered(messages), 64), await count_writes(delivered(messages), 1)

    assert together.rows["ChargerState", "ChargerStatus"] == 1
    assert apart.rows["ChargerState", "ChargerStatus"] == 2
