"""Counts a queue's messages from outside, through the SDK; good for a real namespace as well."""

from azure.servicebus import ServiceBusReceiver

_PAGE = 250


def count_by_peeking(receiver: ServiceBusReceiver) -> int:
    """Return how many messages the receiver's queue holds, in any state, without locking one.

    A receiver opened with `sub_queue=ServiceBusSubQueue.DEAD_LETTER` counts the dead letters.
    """
    count = 0
    next_sequence_number = 1
    while page := receiver.peek_messages(_PAGE, sequence_number=next_sequence_number):
        count += len(page)
        next_sequence_number = (page[-1].sequence_number or 0) + 1
    return count
