"""What holds the loop of a worker that takes a batch."""

from bench.day import first_messages
from bench.holding import holding_table, what_holds_the_loop


async def test_each_piece_of_a_batch_takes_some_time():
    """Of real messages, encoded, decoded by Microsoft's library and stored."""
    held = await what_holds_the_loop(first_messages(5, 24), 8)

    assert held.host > 0
    assert held.worker_library > 0
    assert 0 < held.ours <= held.longest
    (row,) = holding_table({8: held}).rows
    assert row[0] == "8"
