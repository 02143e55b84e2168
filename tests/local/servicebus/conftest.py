"""What the tests of the Service Bus stand-in share: a clock, messages, and a namespace to talk to.

The conformance tests run against the stand-in, and against a real namespace (or Microsoft's emulator) where
SERVICEBUS_CONFORMANCE_CONNECTION holds its connection string. There the entities of conformance-topology.json must
exist, with its settings; only LockDuration of `conformance-short-lock` is PT5S there, the service's minimum.
They receive and delete whatever they find in them.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusClient

from local.servicebus import Broker, read_topology
from local.servicebus.amqp.sections import MessageContent, split_message
from local.servicebus.amqp.values import (
    encode_list,
    encode_map,
    encode_string,
    encode_symbol,
    encode_timestamp,
    encode_uint,
)

TOPOLOGY_FILE = Path(__file__).parent / "conformance-topology.json"


class FakeClock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        """Return the time, in seconds since 1970."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@pytest.fixture
def clock() -> FakeClock:
    """A clock at a fixed time."""
    return FakeClock()


@pytest.fixture(scope="session")
def make_content() -> Callable[..., MessageContent]:
    """Make a message as a sender's SDK would encode it."""

    def make(
        body: bytes = b"body",
        message_id: str | None = None,
        subject: str | None = None,
        time_to_live_seconds: float | None = None,
        scheduled_at: float | None = None,
        application_properties: dict[str, str] | None = None,
    ) -> MessageContent:
        null = b"\x40"
        sections = []
        if time_to_live_seconds is not None:
            sections.append(b"\x00\x53\x70" + encode_list(null, null, encode_uint(int(time_to_live_seconds * 1000))))
        if scheduled_at is not None:
            pair = encode_symbol("x-opt-scheduled-enqueue-time") + encode_timestamp(scheduled_at)
            sections.append(b"\x00\x53\x72" + encode_map(pair))
        texts = [message_id, None, None, subject]
        fields = [null if text is None else encode_string(text) for text in texts]
        sections.append(b"\x00\x53\x73" + encode_list(*fields))
        if application_properties is not None:
            pairs = [encode_string(name) + encode_string(text) for name, text in application_properties.items()]
            sections.append(b"\x00\x53\x74" + encode_map(*pairs))
        sections.append(b"\x00\x53\x75\xa0" + bytes((len(body),)) + body)
        return split_message(b"".join(sections))

    return make


@pytest.fixture(scope="module")
def connection_string() -> Iterator[str]:
    """A namespace with the entities of conformance-topology.json."""
    real_namespace = os.environ.get("SERVICEBUS_CONFORMANCE_CONNECTION")
    if real_namespace:
        yield real_namespace
        return
    with Broker(read_topology(TOPOLOGY_FILE)) as broker:
        yield broker.connection_string


@pytest.fixture(scope="module")
def client(connection_string: str) -> Iterator[ServiceBusClient]:
    """A synchronous client of that namespace."""
    with ServiceBusClient.from_connection_string(connection_string, retry_backoff_factor=0.1) as client:
        yield client
