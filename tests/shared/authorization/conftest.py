"""A registry with some tags, in memory."""

import pytest

from shared.authorization.tags import Tag
from tests.support.memory_tables import MemoryTables
from tests.support.tag_lists import LIST, use_list


@pytest.fixture
async def tables():
    """Tag GOOD may charge, tag BAD is blocked, and nobody else is known."""
    memory = MemoryTables()
    await use_list(memory, LIST, Tag("GOOD", "RFID"), Tag("BAD", is_blocked=True))
    return memory
