"""What the engine refuses, with the status code and the AMQP error condition that Service Bus gives for it.

Source: "AMQP 1.0 errors in Azure Service Bus" and the request-response operations page of Microsoft's documentation.
"""


class RefusedError(Exception):
    """Base of everything a client is told no for; the text of the error is what the client reads.

    `status_code` answers requests to `$management` and `$cbs`, `condition` goes into AMQP outcomes and detaches.
    """

    status_code = 500
    condition = "amqp:internal-error"


class MessageLockLostError(RefusedError):
    """The lock has expired, was settled already, or never was."""

    status_code = 410
    condition = "com.microsoft:message-lock-lost"

    def __init__(self) -> None:
        super().__init__(
            "The lock supplied is invalid. Either the lock expired, or the message has already been removed "
            "from the queue."
        )


class MessageNotFoundError(RefusedError):
    """No message with this sequence number is deferred, or scheduled, as the request presumes."""

    status_code = 404
    condition = "com.microsoft:message-not-found"


class EntityNotFoundError(RefusedError):
    """The topology has no queue, topic or subscription of this name."""

    status_code = 404
    condition = "amqp:not-found"

    def __init__(self, path: str) -> None:
        super().__init__(
            f"The messaging entity '{path}' could not be found. Add it to the topology file, or correct the name."
        )


class EntityFullError(RefusedError):
    """The entity holds as many bytes as it may."""

    status_code = 403
    condition = "amqp:resource-limit-exceeded"


class MessageTooLargeError(RefusedError):
    """A transfer is larger than the link's max-message-size."""

    status_code = 400
    condition = "amqp:link:message-size-exceeded"


class MalformedMessageError(RefusedError):
    """The bytes are not an AMQP message."""

    status_code = 400
    condition = "amqp:decode-error"


class UnauthorizedError(RefusedError):
    """The token is missing, wrong, expired or for another entity."""

    status_code = 401
    condition = "amqp:unauthorized-access"


class NotAllowedError(RefusedError):
    """The operation does not fit the entity."""

    status_code = 400
    condition = "amqp:not-allowed"


class NotImplementedHereError(RefusedError):
    """The real service can do this; the stand-in cannot."""

    status_code = 501
    condition = "amqp:not-implemented"
