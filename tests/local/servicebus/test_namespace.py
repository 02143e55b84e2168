"""Tests of paths, topics and filters."""

import pytest

from local.servicebus.engine.errors import EntityFullError, EntityNotFoundError
from local.servicebus.engine.messages import SUBJECT
from local.servicebus.engine.namespace import Namespace
from local.servicebus.engine.settings import (
    CorrelationFilter,
    QueueSettings,
    SubscriptionSettings,
    TopicSettings,
    Topology,
)


def topic_namespace(clock, *subscriptions, **settings) -> Namespace:
    """Make a namespace with one topic `t`."""
    return Namespace(Topology(topics=(TopicSettings("t", subscriptions, **settings),)), clock)


def subscription(name, *filters, **settings) -> SubscriptionSettings:
    """Describe one subscription."""
    return SubscriptionSettings(QueueSettings(name, **settings), filters)


def depth(namespace, path) -> int:
    """Count the active messages at a path."""
    return namespace.queue(path).counts().active


def test_paths_are_compared_without_regard_to_case(clock):
    """A queue and its dead letters are found however they are written."""
    namespace = Namespace(Topology(queues=(QueueSettings("Push-Events"),)), clock)
    assert namespace.queue("push-events") is namespace.queue("PUSH-EVENTS")
    assert namespace.queue("push-events/$deadletterqueue") is namespace.queue("Push-Events").dead_letters


@pytest.mark.parametrize("path", ["", "other", "t", "q/$management", "t/Subscriptions/other"])
def test_an_unknown_queue_is_not_found(clock, path):
    """A name that is not in the topology, or is a topic's, cannot be received from."""
    namespace = Namespace(Topology(queues=(QueueSettings("q"),), topics=(TopicSettings("t"),)), clock)
    with pytest.raises(EntityNotFoundError, match=r"topology"):
        namespace.queue(path)


@pytest.mark.parametrize("path", ["q/$DeadLetterQueue", "t/Subscriptions/s", "other"])
def test_nobody_sends_to_subscriptions_and_dead_letters(clock, path):
    """Only queues and topics are destinations."""
    topics = (TopicSettings("t", (subscription("s"),)),)
    namespace = Namespace(Topology(queues=(QueueSettings("q"),), topics=topics), clock)
    with pytest.raises(EntityNotFoundError):
        namespace.destination(path)


def test_a_topic_copies_to_every_subscription_that_wants_the_message(clock, make_content):
    """A subscription without filters gets all, one with filters what any of them takes, once."""
    namespace = topic_namespace(
        clock,
        subscription("all"),
        subscription("starts", CorrelationFilter(system_properties={SUBJECT: "start"})),
        subscription(
            "starts-or-site-7",
            CorrelationFilter(system_properties={SUBJECT: "start"}),
            CorrelationFilter(application_properties={"site": "7"}),
        ),
        subscription("starts-at-8", CorrelationFilter({SUBJECT: "start"}, {"site": "8"})),
    )
    namespace.destination("t").enqueue(
        [
            make_content(subject="start", application_properties={"site": "7"}),
            make_content(subject="stop", application_properties={"site": "7"}),
            make_content(subject="stop"),
        ]
    )
    assert depth(namespace, "t/subscriptions/all") == 3
    assert depth(namespace, "t/subscriptions/starts") == 1
    assert depth(namespace, "t/subscriptions/starts-or-site-7") == 2
    assert depth(namespace, "t/subscriptions/starts-at-8") == 0


def test_subscriptions_are_independent_of_each_other(clock, make_content):
    """Completing one subscription's copy leaves the other's."""
    namespace = topic_namespace(clock, subscription("a"), subscription("b"))
    namespace.destination("t").enqueue([make_content()])
    queue = namespace.queue("t/Subscriptions/a")
    queue.dead_letter(queue.lock_next().lock_token, "broken", None)
    assert depth(namespace, "t/Subscriptions/a/$DeadLetterQueue") == 1
    assert depth(namespace, "t/Subscriptions/b") == 1


def test_a_topic_drops_duplicates_for_all_its_subscriptions(clock, make_content):
    """Duplicate detection is the topic's."""
    namespace = topic_namespace(clock, subscription("a"), duplicate_detection_window_seconds=60)
    for _ in range(2):
        namespace.destination("t").enqueue([make_content(message_id="same")])
    assert depth(namespace, "t/Subscriptions/a") == 1


def test_a_full_subscription_refuses_the_message_for_all(clock, make_content):
    """No subscription gets a copy where another has no room, so that a sender may simply send again."""
    namespace = topic_namespace(clock, subscription("a"), subscription("full", entity_limit_bytes=1))
    with pytest.raises(EntityFullError):
        namespace.destination("t").enqueue([make_content()])
    assert depth(namespace, "t/Subscriptions/a") == 0


def test_time_passes_for_every_queue(clock, make_content):
    """Advancing the namespace expires messages everywhere."""
    settings = tuple(QueueSettings(name, default_time_to_live_seconds=5) for name in ("a", "b"))
    namespace = Namespace(Topology(queues=settings), clock)
    for name in ("a", "b"):
        namespace.destination(name).enqueue([make_content()])
    clock.advance(5)
    namespace.advance_time()
    assert [depth(namespace, name) for name in ("a", "b")] == [0, 0]
