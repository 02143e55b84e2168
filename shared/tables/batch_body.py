"""One entity group transaction as the body of a `$batch` request.

The form is that of learn.microsoft.com, "Performing entity group transactions": a multipart body that holds one
change set, which holds one small HTTP request for each row. Only the address, the ETag and the JSON differ from row to
row; all the rest is prepared once.
"""

from collections.abc import Sequence
from typing import Final
from uuid import uuid4

from shared.errors import RowRefused
from shared.tables.edm import EncodedRow
from shared.tables.limits import MAX_TRANSACTION_BYTES, MAX_TRANSACTION_ROWS
from shared.tables.store import Kind, Operation

# JSON cannot hold a bare line break, so no row can hold a line that looks like a boundary: one of each serves for ever.
_BATCH = f"batch_{uuid4().hex}"
_CHANGES = f"changeset_{uuid4().hex}"

BATCH_CONTENT_TYPE: Final = f"multipart/mixed; boundary={_BATCH}"

_OPENING = f"--{_BATCH}\r\nContent-Type: multipart/mixed; boundary={_CHANGES}\r\n\r\n".encode()
_CLOSING = f"--{_CHANGES}--\r\n--{_BATCH}--\r\n".encode()
_PART_OPENINGS = [
    (
        f"--{_CHANGES}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
        f"Content-ID: {number}\r\n\r\n"
    ).encode()
    for number in range(MAX_TRANSACTION_ROWS)
]
_ROW_HEADERS = (
    b" HTTP/1.1\r\nContent-Type: application/json\r\nAccept: application/json;odata=minimalmetadata\r\n"
    b"DataServiceVersion: 3.0\r\n"
)
# Without it an insert is answered with the whole row.
_INSERT_HEADERS = _ROW_HEADERS + b"Prefer: return-no-content\r\n\r\n"

_ENVELOPE_BYTES = 1024
"""More than the lines around a row take: the prepared ones, the table's URL and an ETag."""
_ADDRESS_BYTES_A_CHARACTER = 12
"""At the most: four bytes of UTF-8, each as a percent sign and two digits."""
_CHANGESET_BYTES = MAX_TRANSACTION_BYTES - 16 * 1024
"""Where `changesets` stops filling, with room for the lines around all rows."""


def changesets(operations: Sequence[Operation]) -> list[list[Operation]]:
    """Cut the operations of one partition, in order, into transactions of at most 100 rows and under 4 MiB.

    Raises RowRefused for a row that no table takes, with its index among the `operations` given.
    """
    transactions: list[list[Operation]] = []
    room_bytes = 0
    for operation, encoded in zip(operations, _encoded(operations), strict=True):
        key_characters = len(encoded.partition_key) + len(encoded.row_key)
        size_bytes = len(encoded.json) + _ADDRESS_BYTES_A_CHARACTER * key_characters + _ENVELOPE_BYTES
        if size_bytes > room_bytes or len(transactions[-1]) == MAX_TRANSACTION_ROWS:
            transactions.append([])
            room_bytes = _CHANGESET_BYTES
        transactions[-1].append(operation)
        room_bytes -= size_bytes
    return transactions


def batch_body(table_url: str, operations: Sequence[Operation]) -> bytes:
    """The body of the `$batch` request that does all the operations or none.

    Raises RowRefused with the index of a row that no table takes, and ValueError for what is no transaction: no rows,
    more than 100, two partitions, a row twice, an ETag missing or out of place, over 4 MiB.
    """
    _check_transaction(operations)
    post = b"POST " + table_url.encode() + _INSERT_HEADERS
    put = b"PUT " + table_url.encode()
    pieces = [_OPENING]
    for operation, encoded, opening in zip(operations, _encoded(operations), _PART_OPENINGS, strict=False):
        if operation.kind is Kind.INSERT:
            pieces += (opening, post, encoded.json, b"\r\n")
        else:
            pieces += (opening, put, encoded.address, _ROW_HEADERS, _condition(operation), encoded.json, b"\r\n")
    pieces.append(_CLOSING)
    body = b"".join(pieces)
    if len(body) > MAX_TRANSACTION_BYTES:
        raise ValueError(f"the transaction has {len(body)} bytes; cut it with changesets()")
    return body


def _condition(operation: Operation) -> bytes:
    return b"\r\n" if operation.etag is None else f"If-Match: {operation.etag}\r\n\r\n".encode("ascii")


def _encoded(operations: Sequence[Operation]) -> list[EncodedRow]:
    encoded = []
    for index, operation in enumerate(operations):
        try:
            encoded.append(operation.encoded)
        except RowRefused as refused:
            refused.index = index
            raise
    return encoded


def _check_transaction(operations: Sequence[Operation]) -> None:
    if not 0 < len(operations) <= MAX_TRANSACTION_ROWS:
        raise ValueError(f"a transaction has 1 to {MAX_TRANSACTION_ROWS} rows, not {len(operations)}")
    if len({operation.row.get("PartitionKey") for operation in operations}) > 1:
        raise ValueError("the rows of a transaction belong to one partition")
    if len({operation.row.get("RowKey") for operation in operations}) < len(operations):
        raise ValueError("a row occurs twice in the transaction: collapse its writes first")
    for operation in operations:
        if (operation.etag is not None) is not (operation.kind is Kind.UPDATE):
            raise ValueError("an UPDATE needs an ETag, and nothing else takes one")
