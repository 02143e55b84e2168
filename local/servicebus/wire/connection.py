"""One client's connection: bytes to proton's protocol engine and back, and its events to the links' handlers."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from proton import Collector, Connection, Endpoint, Event, Link, Message, ProtonException, Transport, symbol

from local.servicebus.engine.errors import RefusedError, UnauthorizedError
from local.servicebus.engine.namespace import Namespace
from local.servicebus.wire.addresses import CBS_NODE, MANAGEMENT_SUFFIX, covers, entity_path
from local.servicebus.wire.conditions import make_condition
from local.servicebus.wire.deliverer import Deliverer
from local.servicebus.wire.links import ConsumerLink, LinkHandler, ProducerLink, refuse_link
from local.servicebus.wire.management import ManagementNode
from local.servicebus.wire.requests import ACCEPTED, Reply, ReplyLinks, RequestLink
from local.servicebus.wire.tokens import authorized_scope

_LOGGER = logging.getLogger(__name__)

_CONTAINER_ID = "servicebus-stand-in"
_MAX_FRAME_BYTES = 64 * 1024
_SESSION_WINDOW_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Services:
    """What the connections of one server share."""

    namespace: Namespace
    deliverer: Deliverer
    keys: Mapping[str, str]
    open_connections: set["ClientConnection"]
    after_input: Callable[[], None]


class ClientConnection(asyncio.Protocol):
    """Speaks AMQP with one client."""

    def __init__(self, services: Services) -> None:
        """Make the protocol engine of a connection that is about to be accepted."""
        self._services = services
        self.lost = asyncio.Event()
        self._socket: asyncio.Transport | None = None
        self._collector = Collector()
        self._connection = Connection()
        self._connection.collect(self._collector)
        self._engine = Transport(Transport.SERVER)
        self._engine.max_frame_size = _MAX_FRAME_BYTES
        # The SDK for Python opens without SASL against an emulator; the one for .NET, in Core Tools, says ANONYMOUS.
        self._engine.sasl().allowed_mechs("ANONYMOUS")
        self._engine.require_auth(False)
        self._engine.bind(self._connection)
        self._handlers: dict[Link, LinkHandler] = {}
        self._replies = ReplyLinks()
        self._authorized_scopes: set[str] = set()

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve."""
        self._socket = cast("asyncio.Transport", transport)
        self._services.open_connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Work through what the client sent, then send what anybody is to get for it."""
        remaining = memoryview(data)
        try:
            while remaining and (capacity := self._engine.capacity()) > 0:
                self._engine.push(bytes(remaining[:capacity]))
                remaining = remaining[capacity:]
                self._dispatch_events()
        except ProtonException as error:
            _LOGGER.warning("The client does not speak AMQP 1.0: %s", error)
            self.abort()
        self._services.after_input()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client; its locks stay until they end."""
        del exc
        self.lost.set()
        self._services.open_connections.discard(self)
        self._forget_links(list(self._handlers))
        self._engine.unbind()
        self._connection.free()

    def flush(self) -> None:
        """Send what the protocol engine wants sent, and close the socket after its last byte."""
        if self._socket is None or self._socket.is_closing():
            return
        self._dispatch_events()
        while (pending := self._engine.pending()) > 0:
            self._socket.write(self._engine.peek(pending))
            self._engine.pop(pending)
        if pending < 0:
            self._socket.close()

    def keep_alive(self) -> None:
        """Send an empty frame where the client's idle time-out is about to pass."""
        self._engine.tick(time.monotonic())

    def abort(self) -> None:
        """Drop the connection as a failing network does, with nothing said."""
        self._forget_links(list(self._handlers))
        if self._socket is not None:
            self._socket.abort()

    def close(self, reason: str) -> None:
        """Close the connection as the service does for maintenance: with amqp:connection:forced."""
        self._connection.condition = make_condition("amqp:connection:forced", reason)
        self._connection.close()
        self.flush()
        if self._socket is not None:
            self._socket.close()

    # proton's side: the names of the methods are proton's names of its events

    def _dispatch_events(self) -> None:
        while (event := self._collector.peek()) is not None:
            event.dispatch(self)
            self._collector.pop()

    def on_connection_remote_open(self, event: Event) -> None:
        """Answer a client's open."""
        event.connection.container = _CONTAINER_ID
        event.connection.properties = {symbol("product"): _CONTAINER_ID}
        event.connection.open()

    def on_session_remote_open(self, event: Event) -> None:
        """Answer a client's begin."""
        event.session.incoming_capacity = _SESSION_WINDOW_BYTES
        event.session.open()

    def on_link_remote_open(self, event: Event) -> None:
        """Answer a client's attach."""
        link: Link = event.link
        try:
            handler = self._open_link(link)
        except RefusedError as error:
            refuse_link(link, error)
        else:
            self._handlers[link] = handler

    def on_link_flow(self, event: Event) -> None:
        """Pass a client's credit on."""
        handler = self._handlers.get(event.link)
        if handler is not None:
            handler.on_credit()

    def on_delivery(self, event: Event) -> None:
        """Pass a transfer or a disposition on, unless it crossed our own close."""
        handler = self._handlers.get(event.link)
        if handler is not None and not event.connection.state & Endpoint.LOCAL_CLOSED:
            handler.on_delivery(event.delivery)

    def on_link_remote_detach(self, event: Event) -> None:
        """Answer a detach like a close: no link of a Service Bus client outlives it."""
        self.on_link_remote_close(event)

    def on_link_remote_close(self, event: Event) -> None:
        """Answer a client's closing of a link."""
        self._forget_links([event.link])
        event.link.close()

    def on_session_remote_close(self, event: Event) -> None:
        """Answer a client's end, which ends its links as well."""
        self._forget_links([link for link in self._handlers if link.session == event.session])
        event.session.close()

    def on_connection_remote_close(self, event: Event) -> None:
        """Answer a client's close."""
        self._forget_links(list(self._handlers))
        event.connection.close()

    def _forget_links(self, links: Iterable[Link]) -> None:
        for link in links:
            handler = self._handlers.pop(link, None)
            if handler is not None:
                handler.on_closed()

    # what a link is for

    def _open_link(self, link: Link) -> LinkHandler:
        """Accept an attach; raises RefusedError."""
        node = link.remote_target if link.is_receiver else link.remote_source
        path = entity_path(node.address)
        if path.lower() == CBS_NODE:
            return self._open_request_link(link, self._put_token)
        if not any(covers(scope, path) for scope in self._authorized_scopes):
            raise UnauthorizedError(f"Unauthorized access to '{path}': put a token for it first.")
        if path.lower().endswith(MANAGEMENT_SUFFIX):
            entity = self._services.namespace.entity(path[: -len(MANAGEMENT_SUFFIX)])
            return self._open_request_link(link, ManagementNode(entity).answer)
        if link.is_receiver:
            return ProducerLink(link, self._services.namespace.destination(path))
        return ConsumerLink(link, self._services.namespace.queue(path), self._services.deliverer)

    def _open_request_link(self, link: Link, answer: Callable[[Message], Reply]) -> LinkHandler:
        if link.is_receiver:
            return RequestLink(link, answer, self._replies)
        self._replies.add(link)
        return LinkHandler()

    def _put_token(self, request: Message) -> Reply:
        audience = request.properties["name"]
        scope = authorized_scope(request.body, audience, self._services.keys, time.time())
        self._authorized_scopes.add(scope)
        return Reply(ACCEPTED)
