"""What is answered over HTTP, before it becomes one of Azure's types."""

from typing import NamedTuple


class HttpAnswer(NamedTuple):
    """The HTTP status and the JSON body of an answer."""

    status: int
    body: bytes
