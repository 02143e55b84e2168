"""What the proofs of this folder share: the rows that one worker leaves which takes everything in order."""

import pytest

from tests.crash.stored_rows import drop_all_tables, promised_rows, store_in_order
from tests.kafka.expected_rows import but_for_the_way


@pytest.fixture
async def clean_rows(azurite):
    """A function that stores bodies in a clean run, and returns their rows but for what tells of the way."""
    await drop_all_tables(azurite)

    async def store(bodies):
        await store_in_order(azurite, bodies)
        return but_for_the_way(promised_rows(azurite))

    return store
