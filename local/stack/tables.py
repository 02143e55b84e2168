"""A look into the tables of a local stack."""

from azure.core.exceptions import AzureError
from azure.data.tables import TableServiceClient

from local.stack.errors import StackError


def count_rows(connection_string: str) -> dict[str, int]:
    """How many rows each table has, by reading the keys of all of them: for a laptop's tables, not for an operator's.

    Raises StackError when nobody answers.
    """
    try:
        # One attempt: a local table service answers at once, or is not there.
        with TableServiceClient.from_connection_string(connection_string, retry_total=0) as service:
            names = sorted(table.name for table in service.list_tables())
            return {
                name: sum(1 for _ in service.get_table_client(name).list_entities(select=["PartitionKey"]))
                for name in names
            }
    except AzureError as error:
        raise StackError(
            f"The tables cannot be read ({type(error).__name__}). Is the stack running (make up)?"
        ) from error
