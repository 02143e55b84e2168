"""Tests of a queue's semantics, with a clock the tests move."""

import pytest

from local.servicebus.engine.errors import EntityFullError, MessageLockLostError, MessageNotFoundError
from local.servicebus.engine.messages import MessageState
from local.servicebus.engine.queue import Queue
from local.servicebus.engine.settings import QueueSettings


@pytest.fixture
def announced():
    """The queues that said they have something to deliver."""
    return []


@pytest.fixture
def make_queue(clock, announced):
    """Make a queue with a dead-letter queue."""

    def make(**settings) -> Queue:
        dead_letters = Queue("q/$DeadLetterQueue", QueueSettings("q/$DeadLetterQueue"), clock, announced.append)
        return Queue("q", QueueSettings("q", **settings), clock, announced.append, dead_letters)

    return make


def test_messages_are_delivered_in_order_once_each(make_queue, make_content):
    """Consumers get the oldest message first, and no message twice while it is locked."""
    queue = make_queue()
    assert queue.enqueue([make_content(), make_content(), make_content()]) == [1, 2, 3]
    assert [queue.lock_next().sequence_number for _ in range(3)] == [1, 2, 3]
    assert queue.lock_next() is None


def test_an_enqueued_message_is_announced(make_queue, make_content, announced):
    """Whoever delivers hears of a new message."""
    queue = make_queue()
    queue.enqueue([make_content()])
    assert announced == [queue]


def test_a_completed_message_is_gone(make_queue, make_content):
    """Completing removes the message and ends the lock."""
    queue = make_queue()
    queue.enqueue([make_content()])
    token = queue.lock_next().lock_token
    queue.complete(token)
    assert queue.counts().active == 0
    with pytest.raises(MessageLockLostError):
        queue.complete(token)


def test_an_abandoned_message_comes_back_before_later_ones_with_its_count_raised(make_queue, make_content):
    """Abandoning is a failed delivery, and the message keeps its place."""
    queue = make_queue()
    queue.enqueue([make_content(), make_content()])
    queue.abandon(queue.lock_next().lock_token)
    again = queue.lock_next()
    assert (again.sequence_number, again.delivery_count) == (1, 1)


def test_a_released_message_comes_back_with_its_count_unchanged(make_queue, make_content):
    """Releasing is no failed delivery."""
    queue = make_queue()
    queue.enqueue([make_content()])
    queue.release(queue.lock_next().lock_token)
    assert queue.lock_next().delivery_count == 0


def test_the_delivery_that_reaches_the_maximum_ends_in_the_dead_letters(make_queue, make_content):
    """With a maximum of 3 the third failed delivery is the last; the reason is Service Bus's own."""
    queue = make_queue(max_delivery_count=3)
    queue.enqueue([make_content()])
    for _ in range(3):
        queue.abandon(queue.lock_next().lock_token)
    assert queue.lock_next() is None
    letter = queue.dead_letters.lock_next()
    assert letter.content.application_properties() == {
        "DeadLetterReason": "MaxDeliveryCountExceeded",
        "DeadLetterErrorDescription": "Message could not be consumed after 3 delivery attempts.",
    }
    assert letter.dead_letter_source == "q"
    assert letter.delivery_count == 3


def test_a_lock_ends_by_time(make_queue, make_content, clock):
    """When the lock's time is over the delivery has failed, and the old token settles nothing."""
    queue = make_queue(lock_duration_seconds=10)
    queue.enqueue([make_content()])
    token = queue.lock_next().lock_token
    clock.advance(9.9)
    queue.advance_time()
    assert queue.lock_next() is None
    clock.advance(0.1)
    with pytest.raises(MessageLockLostError):
        queue.complete(token)
    queue.advance_time()
    assert queue.lock_next().delivery_count == 1


def test_renewal_locks_for_the_full_duration_again(make_queue, make_content, clock):
    """A renewed lock outlives its first end; the end that is told is the one that holds."""
    queue = make_queue(lock_duration_seconds=10)
    queue.enqueue([make_content()])
    token = queue.lock_next().lock_token
    clock.advance(8)
    assert queue.renew_lock(token) == clock.now + 10
    clock.advance(8)
    queue.advance_time()
    queue.complete(token)
    assert queue.counts().active == 0


def test_a_lost_lock_cannot_be_renewed(make_queue, make_content, clock):
    """Renewal after the end is refused, even before anybody has noticed the end."""
    queue = make_queue(lock_duration_seconds=10)
    queue.enqueue([make_content()])
    token = queue.lock_next().lock_token
    clock.advance(10)
    with pytest.raises(MessageLockLostError):
        queue.renew_lock(token)


def test_a_dead_lettered_message_carries_reason_and_description(make_queue, make_content):
    """Reason and description become application properties next to the sender's."""
    queue = make_queue()
    queue.enqueue([make_content(application_properties={"site": "7"})])
    queue.dead_letter(queue.lock_next().lock_token, "broken", "no JSON")
    assert queue.counts().active == 0
    assert queue.dead_letters.lock_next().content.application_properties() == {
        "site": "7",
        "DeadLetterReason": "broken",
        "DeadLetterErrorDescription": "no JSON",
    }


def test_a_dead_letter_stays_until_it_is_completed(make_queue, make_content, clock):
    """Dead letters neither expire nor move on, however often they are given back."""
    queue = make_queue(default_time_to_live_seconds=60)
    queue.enqueue([make_content()])
    queue.dead_letter(queue.lock_next().lock_token, None, None)
    for _ in range(20):
        queue.dead_letters.abandon(queue.dead_letters.lock_next().lock_token)
    queue.dead_letters.dead_letter(queue.dead_letters.lock_next().lock_token, "again", None)
    clock.advance(10_000)
    queue.dead_letters.advance_time()
    queue.dead_letters.complete(queue.dead_letters.lock_next().lock_token)
    assert queue.dead_letters.counts().active == 0


def test_a_deferred_message_waits_for_its_number(make_queue, make_content):
    """A deferred message is delivered to who asks for its sequence number, and to nobody else."""
    queue = make_queue()
    queue.enqueue([make_content()])
    queue.defer(queue.lock_next().lock_token)
    assert queue.lock_next() is None
    assert queue.counts().deferred == 1
    (message,) = queue.lock_deferred([1])
    with pytest.raises(MessageNotFoundError):
        queue.lock_deferred([1])
    queue.abandon(message.lock_token)
    assert queue.lock_next() is None
    queue.complete(queue.lock_deferred([1])[0].lock_token)
    with pytest.raises(MessageNotFoundError):
        queue.lock_deferred([1])


def test_deferred_messages_are_locked_all_or_none(make_queue, make_content):
    """One wrong number leaves the right ones unlocked."""
    queue = make_queue()
    queue.enqueue([make_content()])
    queue.defer(queue.lock_next().lock_token)
    with pytest.raises(MessageNotFoundError):
        queue.lock_deferred([1, 99])
    assert len(queue.take_deferred([1])) == 1
    assert queue.counts().deferred == 0


def test_a_scheduled_message_is_delivered_at_its_time(make_queue, make_content, clock):
    """Before its time a scheduled message can be seen, not received; then it is enqueued as of that time."""
    queue = make_queue()
    queue.enqueue([make_content(scheduled_at=clock.now + 30)])
    queue.advance_time()
    assert queue.lock_next() is None
    assert [message.state for message in queue.browse(0)] == [MessageState.SCHEDULED]
    clock.advance(30)
    queue.advance_time()
    message = queue.lock_next()
    assert message.enqueued_at == clock.now
    assert message.state is MessageState.ACTIVE


def test_a_schedule_in_the_past_is_now(make_queue, make_content, clock):
    """A message scheduled for a time that is over is delivered at once."""
    queue = make_queue()
    queue.enqueue([make_content(scheduled_at=clock.now - 1)])
    assert queue.lock_next() is not None


def test_a_cancelled_schedule_never_comes(make_queue, make_content, clock):
    """Cancelling removes the message; what is not scheduled cannot be cancelled."""
    queue = make_queue()
    queue.enqueue([make_content(scheduled_at=clock.now + 30), make_content()])
    with pytest.raises(MessageNotFoundError):
        queue.cancel_scheduled([1, 2])
    queue.cancel_scheduled([1])
    clock.advance(30)
    queue.advance_time()
    assert queue.lock_next().sequence_number == 2
    assert queue.lock_next() is None


def test_a_repeated_message_id_is_dropped_within_the_window(make_queue, make_content, clock):
    """The second message of an id is accepted and dropped until the window since the first is over."""
    queue = make_queue(duplicate_detection_window_seconds=300)
    contents = [make_content(message_id="a"), make_content(message_id="b"), make_content(message_id="a")]
    assert queue.enqueue(contents) == [1, 2, None]
    clock.advance(299)
    assert queue.enqueue([make_content(message_id="a")]) == [None]
    clock.advance(1)
    assert queue.enqueue([make_content(message_id="a")]) == [3]


def test_a_repeated_message_id_is_dropped_after_the_first_was_completed(make_queue, make_content):
    """Duplicate detection looks at what was sent, not at what is still there."""
    queue = make_queue(duplicate_detection_window_seconds=300)
    queue.enqueue([make_content(message_id="a")])
    queue.complete(queue.lock_next().lock_token)
    assert queue.enqueue([make_content(message_id="a")]) == [None]


def test_messages_without_an_id_are_no_duplicates(make_queue, make_content):
    """Absent ids are not equal to each other."""
    queue = make_queue(duplicate_detection_window_seconds=300)
    assert queue.enqueue([make_content(), make_content()]) == [1, 2]


@pytest.mark.parametrize(("own_seconds", "expected_seconds"), [(None, 60), (10, 10), (3600, 60)])
def test_a_message_lives_at_most_as_long_as_its_queue_lets_it(
    make_queue, make_content, clock, own_seconds, expected_seconds
):
    """The sender's time to live counts where it is shorter than the queue's default."""
    queue = make_queue(default_time_to_live_seconds=60)
    queue.enqueue([make_content(time_to_live_seconds=own_seconds)])
    clock.advance(expected_seconds - 0.1)
    queue.advance_time()
    assert queue.counts().active == 1
    clock.advance(0.1)
    queue.advance_time()
    assert queue.counts().active == 0


@pytest.mark.parametrize(("dead_letters_them", "expected_count"), [(True, 1), (False, 0)])
def test_expired_messages_go_where_the_queue_says(make_queue, make_content, clock, dead_letters_them, expected_count):
    """Expired messages become dead letters with Service Bus's reason, or vanish."""
    queue = make_queue(default_time_to_live_seconds=60, dead_letters_expired_messages=dead_letters_them)
    queue.enqueue([make_content()])
    clock.advance(60)
    assert queue.lock_next() is None
    letters = list(queue.dead_letters.browse(0))
    assert len(letters) == expected_count
    for letter in letters:
        assert letter.content.application_properties()["DeadLetterReason"] == "TTLExpiredException"


def test_a_locked_message_does_not_expire_before_its_lock_ends(make_queue, make_content, clock):
    """Who holds a message may still complete it; when it is given back it is gone."""
    queue = make_queue(default_time_to_live_seconds=60, lock_duration_seconds=100)
    queue.enqueue([make_content(), make_content()])
    first, second = queue.lock_next(), queue.lock_next()
    clock.advance(70)
    queue.advance_time()
    queue.complete(first.lock_token)
    queue.release(second.lock_token)
    assert queue.counts().active == 0


def test_receive_and_delete_takes_the_message_for_good(make_queue, make_content):
    """A message that is taken is not locked and not kept."""
    queue = make_queue()
    queue.enqueue([make_content()])
    assert queue.take_next().lock_token is None
    assert queue.counts().active == 0


def test_browsing_shows_every_state_and_locks_nothing(make_queue, make_content, clock):
    """Peeking sees active, locked, deferred and scheduled messages from a number on."""
    queue = make_queue()
    queue.enqueue([make_content(), make_content(), make_content(scheduled_at=clock.now + 9), make_content()])
    queue.defer(queue.lock_next().lock_token)
    queue.lock_next()
    assert [message.sequence_number for message in queue.browse(0)] == [1, 2, 3, 4]
    assert [message.sequence_number for message in queue.browse(3)] == [3, 4]
    counts = queue.counts()
    assert (counts.active, counts.deferred, counts.scheduled, counts.locked) == (2, 1, 1, 1)


def test_a_full_queue_takes_all_of_a_batch_or_nothing(make_queue, make_content):
    """Where the batch does not fit, none of it is stored; room comes back by completing."""
    content = make_content(body=b"x" * 100)
    queue = make_queue(entity_limit_bytes=3 * content.size_bytes)
    queue.enqueue([content, content])
    with pytest.raises(EntityFullError):
        queue.enqueue([content, content])
    assert queue.counts().active == 2
    queue.complete(queue.lock_next().lock_token)
    assert queue.enqueue([content, content]) == [3, 4]


def test_a_steady_stream_leaves_nothing_behind(make_queue, make_content):
    """Alarms of completed messages are forgotten long before their time."""
    queue = make_queue(default_time_to_live_seconds=3600)
    for _ in range(3000):
        queue.enqueue([make_content()])
        queue.complete(queue.lock_next().lock_token)
        queue.advance_time()
    assert len(queue._alarms._heap) < 2000
