"""What the proofs of this folder share: the rows that a run leaves in which nothing happens."""

import pytest

from tests.crash.stored_rows import drop_all_tables, promised_rows, store_in_order


class CleanRun:
    """One worker that takes everything in order, into tables of its own."""

    def __init__(self, connection_string):
        self._connection_string = connection_string

    async def rows_after(self, bodies):
        """Store these bodies, too; returns the promised rows of all so far."""
        await store_in_order(self._connection_string, bodies)
        return promised_rows(self._connection_string)


@pytest.fixture
async def clean_run(azurite):
    """A clean run that has stored nothing yet."""
    await drop_all_tables(azurite)
    return CleanRun(azurite)
