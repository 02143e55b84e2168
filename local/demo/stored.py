"""What is in the tables after a run, read with azure-data-tables as any other program would."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from azure.data.tables import TableServiceClient

StoredRow = Mapping[str, Any]


@dataclass(frozen=True)
class Stored:
    """All rows of all tables, by the tables' names."""

    tables: Mapping[str, list[StoredRow]]

    @classmethod
    def read(cls, connection_string: str) -> "Stored":
        """Read everything: a demo's tables are small."""
        with TableServiceClient.from_connection_string(connection_string) as service:
            names = sorted(table.name for table in service.list_tables())
            return cls({name: list(service.get_table_client(name).list_entities()) for name in names})

    def rows(self, table: str) -> list[StoredRow]:
        """The rows of a table, or of all its month tables."""
        return [
            row
            for name, rows in self.tables.items()
            if name == table or name.removeprefix(table).isdigit() or name == f"{table}Undated"
            for row in rows
        ]
