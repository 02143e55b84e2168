"""What is answered over HTTP, before it becomes one of Azure's types."""

from typing import Final, NamedTuple


class HttpAnswer(NamedTuple):
    """The HTTP status and the JSON body of an answer."""

    status: int
    body: bytes


NOT_SAFE: Final = HttpAnswer(503, b'{"error":"The event could not be stored now. Send it again."}')
"""For an event that nothing took: eMabler's retry queue keeps it."""
