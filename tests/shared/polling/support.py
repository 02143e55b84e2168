"""A fleet with its pushes, its REST and its tables, and a clock that the test moves."""

from datetime import UTC, datetime

from shared.emabler.rest.answers import ChargerSeen, PolledSession, SocketSeen
from shared.ingest.ingest import Ingest
from shared.ingest.rows import Delivery
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.chargers import Looking
from shared.polling.poller import Poller, PollPlan
from tests.support.fake_emabler import FakeEmabler
from tests.support.memory_tables import MemoryTables
from tests.support.messages import body, within

NOON = Instant.from_datetime(datetime(2025, 4, 2, 12, tzinfo=UTC))
SILENCE_MINUTES = 60


def after(minutes=0.0, *, seconds=0.0, start=NOON):
    """A moment that long after noon."""
    return Instant(start + int((minutes * 60 + seconds) * TICKS_PER_SECOND))


def state(charger_id, status, at, socket_id=1, **fields):
    """A pushed state."""
    told = {"chargerId": charger_id, "socketId": socket_id, "receivedTimestamp": at.iso, "status": status}
    return told | {"errorCode": "NoError", "message": "", "deviceTimeStamp": at.iso} | fields


def measured(charger_id, at, socket_id=1):
    """A pushed measurement."""
    value = {"value": "7400", "typeOfMeasurement": "Power.Active.Import", "unit": "W", "deviceTimeStamp": at.iso}
    told = {"chargerId": charger_id, "socketId": socket_id, "receivedTimestamp": at.iso}
    return told | {"transactionId": "1", "measurements": [value]}


def full(charger_id, transaction_id, start, end, *, energy_wh=5000, tag="TAG1", socket_id=1, received=None):
    """A pushed full transaction."""
    return {
        "chargerId": charger_id,
        "socketId": socket_id,
        "receivedTimestamp": (received or end).iso,
        "deviceTimeStampStart": start.iso,
        "deviceTimeStampEnd": end.iso,
        "transactionId": str(transaction_id),
        "authorizedIdTag": tag,
        "meterReadStart": 1000,
        "meterReadEnd": 1000 + energy_wh,
        "consumptionWh": energy_wh,
        "action": "transaction_stop",
    }


def started(charger_id, transaction_id, start, tag="TAG1", socket_id=1):
    """A pushed start."""
    return {
        "chargerId": charger_id,
        "socketId": socket_id,
        "receivedTimestamp": start.iso,
        "deviceTimeStamp": start.iso,
        "action": "transaction_start",
        "transactionId": str(transaction_id),
        "authorizedIdTag": tag,
        "meterRead": 1000,
    }


def polled(charger_id, start, end, *, evse=None, number=None, energy_wh=5000, tag="TAG1", socket_id="1"):
    """A session as REST has it."""
    return PolledSession(
        charger_id=charger_id,
        socket_id=socket_id,
        transaction_id=number,
        evse_transaction_id=evse,
        id_tag=tag,
        started_at=start,
        ended_at=end,
        energy_wh=energy_wh,
    )


def seen(charger_id, status, at, *, is_connected=True, last_seen=None, socket_id="1"):
    """A charger with one socket as REST has it."""
    socket = SocketSeen(socket_id, status=status, updated_at=at)
    return ChargerSeen(
        charger_id, is_connected=is_connected, last_seen_at=last_seen or at, site_id="7", sockets=(socket,)
    )


class World:
    """One operator's tables with both ways into them."""

    def __init__(self, tables=None, api=None, *, calls_per_run=1000, named_ids=()):
        self.tables = tables or MemoryTables()
        self.api = api or FakeEmabler()
        self.now = NOON
        looking = Looking(4, SILENCE_MINUTES * 60 * TICKS_PER_SECOND, tuple(named_ids))
        self.poller = Poller(self.tables, self.api, PollPlan(looking, calls_per_run), lambda: self.now)

    async def push(self, *messages):
        """Deliver messages, now, to a worker that has just started."""
        bodies = [message if isinstance(message, bytes) else body(message) for message in messages]
        deliveries = [Delivery(each, "servicebus", self.now) for each in bodies]
        return await Ingest(self.tables, shards=4).store(deliveries, within(20))

    async def rows(self, table, **columns):
        """The rows of a table that have these values, without empty columns."""
        found = [stored.row async for stored in self.tables.query(table)]
        kept = [{name: value for name, value in row.items() if value is not None} for row in found]
        return [row for row in kept if all(row.get(name) == value for name, value in columns.items())]

    async def sessions(self):
        """Charger, end and energy of every session, in order."""
        rows = await self.rows("Transactions")
        return sorted((row["charger_id"], row.get("ended_at"), int(row["energy_wh"])) for row in rows)
