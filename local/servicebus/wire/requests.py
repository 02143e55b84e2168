"""Request and reply: how clients talk to `$cbs` and to an entity's `$management`.

A client opens a link pair per node, sends a request with a message id and reads the reply with that correlation id.
"""

from collections.abc import Callable
from dataclasses import dataclass

from proton import Delivery, Disposition, Message, Receiver, Sender, int32, symbol

from local.servicebus.engine.errors import MalformedMessageError, RefusedError
from local.servicebus.wire.links import LinkHandler, accept_link, read_transfer

_CREDIT = 100

OK = 200
ACCEPTED = 202
NO_CONTENT = 204


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one request; status codes as in HTTP."""

    status_code: int = OK
    body: object = None


class ReplyLinks:
    """The links of one connection on which clients wait for replies, by address."""

    def __init__(self) -> None:
        self._links: dict[str, Sender] = {}

    def add(self, link: Sender) -> None:
        """Accept a client's attach; replies may be asked for at either of its addresses."""
        accept_link(link)
        for address in (link.remote_source.address, link.remote_target.address):
            if address:
                self._links[address] = link

    def send(self, request: Message, node_address: str, reply: Message) -> None:
        """Send a reply where its request wants it; without a link for it nobody waits."""
        link = self._links.get(request.reply_to) or self._links.get(node_address)
        if link is not None:
            reply.correlation_id = request.id
            link.send(reply).settle()


class RequestLink(LinkHandler):
    """A client's sender to a node: passes each request on and sends what comes back."""

    def __init__(self, link: Receiver, answer: Callable[[Message], Reply], replies: ReplyLinks) -> None:
        """Accept the client's attach; `answer` raises RefusedError for a request that fails."""
        self._link = link
        self._answer = answer
        self._replies = replies
        accept_link(link)
        link.flow(_CREDIT)

    def on_delivery(self, delivery: Delivery) -> None:
        """Answer one request."""
        data = read_transfer(self._link, delivery)
        if data is None:
            return
        delivery.update(Disposition.ACCEPTED)
        delivery.settle()
        self._link.flow(1)
        request = Message()
        request.decode(data)
        try:
            reply = _success(self._answered(request))
        except RefusedError as error:
            reply = _failure(error)
        self._replies.send(request, self._link.remote_target.address, reply)

    def _answered(self, request: Message) -> Reply:
        try:
            return self._answer(request)
        except (KeyError, TypeError, ValueError) as error:
            raise MalformedMessageError(
                f"The request lacks a field, or has one of the wrong type: {error!r}"
            ) from error


def _success(reply: Reply) -> Message:
    return _message(reply.status_code, "OK" if reply.status_code == OK else "Accepted", reply.body)


def _failure(error: RefusedError) -> Message:
    message = _message(error.status_code, str(error), None)
    # `$management` and `$cbs` spell it differently, and a client reads the one it knows.
    message.properties["errorCondition"] = symbol(error.condition)
    message.properties["error-condition"] = symbol(error.condition)
    return message


def _message(status_code: int, description: str, body: object) -> Message:
    properties = {
        "statusCode": int32(status_code),
        "status-code": int32(status_code),
        "statusDescription": description,
        "status-description": description,
    }
    return Message(body=body, properties=properties, inferred=False)
