"""Lists of tags as the registry has them, for tests that tap."""

from shared.authorization.registry import TAGS, TagList, pointer_row
from shared.authorization.tag_rows import tag_row
from shared.authorization.tags import Tag
from shared.instants import Instant
from shared.tables.store import Kind, Operation, Tables
from tests.support.messages import within

LIST = "Tags20261121120000000"


async def use_list(tables: Tables, table: str, *tags: Tag) -> None:
    """Make a list of the tags and switch to it."""
    await tables.create_table(TAGS, within(1))
    await tables.create_table(table, within(1))
    for tag in tags:
        await tables.execute(table, [Operation(Kind.UPSERT, tag_row(tag))], within(1))
    pointer = pointer_row(TagList(table, len(tags), Instant.now()), None, 0)
    await tables.execute(TAGS, [Operation(Kind.UPSERT, pointer)], within(1))
