"""The three ways into one app, by the handlers' own functions: what the host would call, without a host."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from random import Random

import azure.functions as func
import pytest
from azure.functions.servicebus import ServiceBusMessage

from handlers.push_events import push_events
from handlers.push_events_kafka import push_events_kafka
from handlers.push_webhook import push_webhook
from shared import services
from shared.ingest.ingest import Ingest
from shared.settings import settings
from shared.webhook.webhook import Webhook
from tests.order.deployment import FakeQueue
from tests.support.kafka import PARTITIONS, TOPIC
from tests.support.memory_tables import MemoryTables
from tests.support.tapping import TOKEN

SHARDS = 4
MOST_IN_A_BATCH = 12
_ACCEPTED = 200


class Ways:
    """Hands bodies over, by queue, topic or webhook; what the webhook queues waits until `work_off_queue`."""

    def __init__(self, tables: MemoryTables, chance: Random) -> None:
        self.ingest = Ingest(tables, SHARDS)
        self.queue = FakeQueue()
        self.webhook = Webhook(self.queue, lambda: self.ingest)
        self._chance = chance
        self._offsets = [count() for _ in range(PARTITIONS)]

    async def over_service_bus(self, bodies: Sequence[bytes], **properties: str) -> None:
        """One batch of the queue's trigger."""
        messages = [
            ServiceBusMessage(body=body, application_properties=properties, user_properties={}, message_id="1")
            for body in bodies
        ]
        await push_events.build().get_user_function()(messages)

    async def over_kafka(self, bodies: Sequence[bytes]) -> None:
        """One batch of the topic's trigger, of any partitions."""
        partitions = [self._chance.randrange(PARTITIONS) for _ in bodies]
        await push_events_kafka(
            [
                func.KafkaEvent(body=body, topic=TOPIC, partition=partition, offset=next(self._offsets[partition]))
                for body, partition in zip(bodies, partitions, strict=True)
            ]
        )

    async def over_webhook(self, bodies: Sequence[bytes]) -> None:
        """One request each."""
        for body in bodies:
            request = func.HttpRequest("POST", "/api/push", headers={"authorization": TOKEN}, body=body)
            response = await push_webhook.build().get_user_function()(request)
            assert response.status_code == _ACCEPTED

    async def work_off_queue(self) -> None:
        """Hand over what the webhook put on the queue, as it does: with a property that says so."""
        while bodies := self.queue.taken[:MOST_IN_A_BATCH]:
            await self.over_service_bus(bodies, transport="webhook")
            del self.queue.taken[: len(bodies)]


@contextmanager
def ways_into(tables: MemoryTables, chance: Random) -> Iterator[Ways]:
    """The process's services are these for as long as the block lasts."""
    ways = Ways(tables, chance)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "ingest", lambda: ways.ingest)
        patch.setattr(services, "webhook", lambda: ways.webhook)
        patch.setenv("REALTIME_AUTH_TOKENS", TOKEN)
        patch.delenv("PUSH_WEBHOOK_TOKENS", raising=False)
        settings.cache_clear()
        yield ways
    settings.cache_clear()
