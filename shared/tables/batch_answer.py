"""The answer to a `$batch` request: an ETag for each operation, or the one refusal that undid them all."""

import re
from http import HTTPStatus

from shared.errors import StorageUnavailable
from shared.tables.faults import error_from, refusal_in

# The head of a successful part. No header is empty, so a match never runs on into the next part.
_STORED = re.compile(rb"HTTP/1\.1 20[0-9] [^\r\n]*\r\n(?:[^\r\n]+\r\n)*?ETag: *([^\r\n]+)\r\n", re.IGNORECASE)
_NOT_STORED = re.compile(rb"HTTP/1\.1 ([345][0-9]{2}) [^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n")


def read_batch_answer(body: bytes, table: str, operations: int) -> list[str]:
    """The new ETags, in the order of the operations.

    Raises what the service refused (see `faults.error_from`), and StorageUnavailable for an answer that is cut off or
    does not tell the fate of every operation: whether it was carried out is then unknown.
    """
    etags = _STORED.findall(body)
    if len(etags) == operations and body.rstrip().endswith(b"--"):
        return [etag.decode("ascii") for etag in etags]
    refused = _NOT_STORED.search(body)
    if refused is None:
        raise StorageUnavailable(
            f"table {table}: storage told the fate of {len(etags)} operations out of {operations}",
            status=HTTPStatus.ACCEPTED,
        )
    raise error_from(refusal_in(int(refused[1]), body[refused.end() :]), table)
