"""The links on which clients send messages and receive them."""

from proton import Data, Delivery, Disposition, Link, Receiver, Sender, Terminus, symbol, ulong

from local.servicebus.amqp.sections import MessageContent, split_transfer
from local.servicebus.engine.errors import MalformedMessageError, MessageTooLargeError, NotAllowedError, RefusedError
from local.servicebus.engine.messages import StoredMessage
from local.servicebus.engine.namespace import Topic
from local.servicebus.engine.queue import Queue
from local.servicebus.wire.conditions import condition_of
from local.servicebus.wire.deliverer import Consumer, Deliverer
from local.servicebus.wire.encoding import encode_message

_SESSION_FILTER = symbol("com.microsoft:session-filter")
_MAX_BATCH_SIZE = symbol("com.microsoft:max-message-batch-size")
# The SDK fills a batch to the limit without counting the batch's own envelope, and the service does not mind.
_ENVELOPE_BYTES = 1024
_CREDIT = 1000
_CREDIT_LOW = _CREDIT // 2


class LinkHandler:
    """What a connection tells the owner of one of its links; the defaults are for who does not care."""

    def on_delivery(self, delivery: Delivery) -> None:
        """Hear of a transfer that has arrived, or of a client's disposition."""

    def on_credit(self) -> None:
        """Hear that the client grants credit, or asks to drain it."""

    def on_closed(self) -> None:
        """Hear that the link, or its connection, is gone."""


def accept_link(link: Link) -> None:
    """Answer an attach with the client's own terms."""
    link.source.copy(link.remote_source)
    link.target.copy(link.remote_target)
    link.snd_settle_mode = link.remote_snd_settle_mode
    link.rcv_settle_mode = link.remote_rcv_settle_mode
    link.open()


def refuse_link(link: Link, error: RefusedError) -> None:
    """Answer an attach with an error.

    Null source and target first, then the detach with the error (OASIS AMQP 1.0, part 2, section 2.6.3): the SDK
    takes a link for open otherwise.
    """
    link.source.type = Terminus.UNSPECIFIED
    link.target.type = Terminus.UNSPECIFIED
    link.open()
    link.condition = condition_of(error)
    link.close()


def refuse_sessions(link: Link) -> None:
    """Raise NotAllowedError where the client wants to receive from a session."""
    source_filter = link.remote_source.filter
    source_filter.rewind()
    if source_filter.next() and source_filter.type() == Data.MAP and _SESSION_FILTER in source_filter.get_object():
        raise NotAllowedError("The stand-in has no sessions; a receiver must not name one.")


def read_transfer(link: Receiver, delivery: Delivery) -> bytes | None:
    """Return the bytes of a transfer once it is complete, None before."""
    if not delivery.readable or delivery.partial:
        return None
    data = bytes(link.recv(delivery.pending) or b"")
    link.advance()
    return data


class ProducerLink(LinkHandler):
    """A client's sender: stores what arrives and tells how it went."""

    def __init__(self, link: Receiver, destination: Queue | Topic) -> None:
        """Accept the client's attach and grant it credit."""
        self._link = link
        self._destination = destination
        self._limit_bytes = destination.settings.message_limit_bytes
        link.max_message_size = self._limit_bytes
        link.properties = {_MAX_BATCH_SIZE: ulong(self._limit_bytes)}
        accept_link(link)
        link.flow(_CREDIT)

    def on_delivery(self, delivery: Delivery) -> None:
        """Store one message or batch: accepted when all of it is in the engine, rejected with the reason else."""
        transfer = read_transfer(self._link, delivery)
        if transfer is None:
            return
        if self._link.credit < _CREDIT_LOW:
            self._link.flow(_CREDIT - self._link.credit)
        try:
            self._destination.enqueue(self._messages_in(transfer))
        except RefusedError as error:
            delivery.local.condition = condition_of(error)
            delivery.update(Disposition.REJECTED)
        else:
            delivery.update(Disposition.ACCEPTED)
        delivery.settle()

    def _messages_in(self, transfer: bytes) -> list[MessageContent]:
        if len(transfer) > self._limit_bytes + _ENVELOPE_BYTES:
            raise MessageTooLargeError(
                f"The received message (size: {len(transfer)} bytes) exceeds the limit ({self._limit_bytes} bytes) "
                "currently allowed on the link."
            )
        try:
            return split_transfer(transfer)
        except (ValueError, TypeError) as error:
            raise MalformedMessageError(f"The transfer is not an AMQP message: {error}") from error


class ConsumerLink(LinkHandler, Consumer):
    """A client's receiver: gets messages while it has credit, and settles them.

    A lock outlives its link until its time is over, as the SDK presumes when it settles through `$management` after
    a reconnect. The documentation leaves it open, so no test of the application may rest on it.
    """

    def __init__(self, link: Sender, queue: Queue, deliverer: Deliverer) -> None:
        """Accept the client's attach; raises NotAllowedError for a session receiver."""
        refuse_sessions(link)
        self.queue = queue
        self._deliverer = deliverer
        self._link = link
        self._receives_and_deletes = link.remote_snd_settle_mode == Link.SND_SETTLED
        link.max_message_size = queue.settings.message_limit_bytes
        accept_link(link)
        deliverer.add(self)

    def on_credit(self) -> None:
        """Have the queue served: the client waits for messages, or wants its credit back."""
        self._deliverer.mark(self.queue)

    def on_closed(self) -> None:
        """Receive no more."""
        self._deliverer.remove(self)

    def has_credit(self) -> bool:
        """Whether the client waits for a message."""
        return self._link.credit > 0

    def deliver_next(self) -> bool:
        """Send the queue's next message; False where there is none."""
        message = self.queue.take_next() if self._receives_and_deletes else self.queue.lock_next()
        if message is not None:
            self._send(message)
        return message is not None

    def finish_drain(self) -> None:
        """Give unused credit back where the client asked for that."""
        if self._link.drain_mode:
            self._link.drained()

    def on_delivery(self, delivery: Delivery) -> None:
        """Settle a message the way the client's disposition says, and echo the outcome that was applied."""
        outcome = delivery.remote_state
        if not delivery.updated or (outcome == Disposition.RECEIVED and not delivery.settled):
            return
        try:
            self._settle(delivery, outcome)
        except RefusedError as error:
            delivery.local.condition = condition_of(error)
            outcome = Disposition.REJECTED
        if not delivery.settled:
            delivery.update(outcome)
        delivery.settle()

    def _send(self, message: StoredMessage) -> None:
        # A message that is not locked needs a tag as well; its sequence number is unique on this link.
        delivery = self._link.delivery(message.lock_token or f"{message.sequence_number:016x}")
        self._link.send(encode_message(message))
        if self._receives_and_deletes:
            delivery.settle()
        self._link.advance()

    def _settle(self, delivery: Delivery, outcome: int) -> None:
        lock_token = delivery.tag
        if outcome == Disposition.ACCEPTED:
            self.queue.complete(lock_token)
        elif outcome == Disposition.REJECTED:
            reason, description = _dead_letter_texts(delivery)
            self.queue.dead_letter(lock_token, reason, description)
        elif outcome == Disposition.MODIFIED:
            delivery.local.failed = delivery.remote.failed
            delivery.local.undeliverable = delivery.remote.undeliverable
            if delivery.remote.undeliverable:
                self.queue.defer(lock_token)
            else:
                self.queue.abandon(lock_token)
        else:
            self.queue.release(lock_token)


def _dead_letter_texts(delivery: Delivery) -> tuple[str | None, str | None]:
    """Return reason and description, which the SDK puts into the rejection's info map."""
    condition = delivery.remote.condition
    info = (condition.info if condition else None) or {}
    texts = {str(name): str(text) for name, text in info.items() if text is not None}
    return texts.get("DeadLetterReason"), texts.get("DeadLetterErrorDescription")
