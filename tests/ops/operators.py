"""Somebody who types commands, and what they find in storage."""

import asyncio
from pathlib import Path

import orjson
from typer.testing import CliRunner

from ops.main import app
from shared.authorization.lists import Lists
from shared.authorization.unknown_tags import UnknownTagChange
from shared.instants import Instant
from tests.support.messages import within


class Operator:
    """Types commands. `tables` is what they work on."""

    def __init__(self, tables, folder: Path):
        self.tables = tables
        self.folder = folder

    def types(self, *words, answer=None):
        """The result of a command: `exit_code`, `stdout` and `stderr`."""
        result = CliRunner().invoke(app, [str(word) for word in words], input=answer)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def asks(self, *words):
        """The JSON that a command answers with, which has to succeed."""
        result = self.types(*words, "--json")
        assert result.exit_code == 0, result.stderr
        return orjson.loads(result.stdout)

    def file(self, *lines, name="tags.csv"):
        """A file of those lines."""
        path = self.folder / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def imports(self, *lines):
        """Import a whole list."""
        return self.asks("tags", "import", self.file(*lines), "--replace", "--yes")

    def listed(self):
        """The tags of the list in use, by id."""
        return {tag["id_tag"]: tag for tag in self.asks("tags", "list", "--limit", "0")["tags"]}

    def pointer(self):
        """Which list is in use."""
        return asyncio.run(Lists(self.tables).pointer())

    def content(self):
        """All rows of all tables, for a look at whether anything was written."""
        return {table: self.tables.rows(table) for table in asyncio.run(self.tables.list_tables())}

    def writes(self, table, *operations):
        """Write rows as somebody else."""

        async def write():
            await self.tables.create_table(table, within(5))
            for operation in operations:
                await self.tables.execute(table, [operation], within(5))

        asyncio.run(write())


def unknown_tag(id_tag, seen_at, taps=1, *charger_ids):
    """The inbox's row of a tag."""
    return UnknownTagChange(id_tag, Instant(seen_at), Instant(seen_at), taps, set(charger_ids)).merged(None)
