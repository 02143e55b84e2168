"""What is answered over HTTP, before it becomes one of Azure's types."""

from typing import NamedTuple


class TapAnswer(NamedTuple):
    """The HTTP status and the JSON body of the answer to a tap."""

    status: int
    body: bytes
