"""What a small fleet did, told twice: as push sends it, and as REST has it. Both tell the same truth."""

from dataclasses import dataclass

import orjson

from shared.emabler.rest.answers import ChargerSeen, PolledSession, SocketSeen
from shared.instants import TICKS_PER_SECOND, Instant

SITE = "7"

Message = dict[str, object]


def later(moment: Instant, seconds: float) -> Instant:
    """A moment that long after another."""
    return Instant(moment + round(seconds * TICKS_PER_SECOND))


def state(charger_id: str, socket_id: int, status: str, at: Instant) -> Message:
    """A pushed state of a socket; socket 0 is the charger's controller."""
    return _told(charger_id, at, socketId=socket_id, status=status, errorCode="NoError", deviceTimeStamp=at.iso)


def boot(charger_id: str, at: Instant, firmware: str = "1.1") -> Message:
    """A charger that starts."""
    return _told(charger_id, at, chargerModel="Model", manufacturer="Maker", firmwareVersion=firmware)


def in_words_of_ex(message: Message) -> Message:
    """The same message with the field names of the EX generation."""
    names = {"receivedTimestamp": "timeStamp"}
    if message.get("action") == "transaction_start":
        names["transactionId"] = "evseTransactionId"
    return {names.get(name, name): value for name, value in message.items()}


def respelled(body: bytes) -> bytes:
    """The same content in another spelling: its fields the other way round, with white space, after a byte order mark.

    What is no object stays as it is.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    if not isinstance(value, dict):
        return body
    turned = dict(reversed(value.items()))
    return b"\xef\xbb\xbf" + orjson.dumps(turned, option=orjson.OPT_INDENT_2)


@dataclass(frozen=True, slots=True)
class Session:
    """A charging session on a socket. Energy is what the meter says; REST dates states 0.2 s after push does."""

    charger_id: str
    transaction_id: str
    began_at: Instant
    ended_at: Instant
    energy_wh: int = 5000
    id_tag: str = "TAG1"
    socket_id: int = 1

    def start(self) -> Message:
        """It begins."""
        return self._part("transaction_start", self.began_at, meterRead=1000)

    def charging(self) -> Message:
        """Its socket's state, five seconds in."""
        return state(self.charger_id, self.socket_id, "Charging", later(self.began_at, 5))

    def measured(self, seconds: float = 60) -> Message:
        """A measurement, so long after the beginning."""
        at = later(self.began_at, seconds)
        value = {"value": "7.4", "typeOfMeasurement": "Power.Active.Import", "unit": "kW", "deviceTimeStamp": at.iso}
        told = {"socketId": self.socket_id, "transactionId": self.transaction_id, "measurements": [value]}
        return _told(self.charger_id, at, **told)

    def stop(self) -> Message:
        """It ends."""
        return self._part("transaction_stop", self.ended_at, meterRead=1000 + self.energy_wh)

    def full(self) -> Message:
        """All of it, a second after its end."""
        return _told(
            self.charger_id,
            later(self.ended_at, 1),
            socketId=self.socket_id,
            transactionId=self.transaction_id,
            authorizedIdTag=self.id_tag,
            deviceTimeStampStart=self.began_at.iso,
            deviceTimeStampEnd=self.ended_at.iso,
            meterReadStart=1000,
            meterReadEnd=1000 + self.energy_wh,
            consumptionWh=self.energy_wh,
            action="transaction_stop",
        )

    def free(self) -> Message:
        """Its socket's state, five seconds after its end."""
        return state(self.charger_id, self.socket_id, "Available", later(self.ended_at, 5))

    def by_rest(self, *, evse: bool = True, number: str | None = None) -> PolledSession:
        """The session as REST has it: v2 with the charger's own id of it or eMabler's, v1 with neither."""
        return PolledSession(
            charger_id=self.charger_id,
            socket_id=str(self.socket_id),
            transaction_id=number,
            evse_transaction_id=self.transaction_id if evse else None,
            id_tag=self.id_tag,
            started_at=self.began_at,
            ended_at=self.ended_at,
            energy_wh=self.energy_wh,
            site_id=SITE,
        )

    def _part(self, action: str, at: Instant, **fields: object) -> Message:
        told = {"socketId": self.socket_id, "transactionId": self.transaction_id, "authorizedIdTag": self.id_tag}
        return _told(self.charger_id, at, action=action, deviceTimeStamp=at.iso, **told, **fields)


def charger_by_rest(charger_id: str, sockets: dict[int, Message], last_seen_at: Instant) -> ChargerSeen:
    """A connected charger as v2 has it; `sockets` are the states that push told last, by the sockets' numbers."""
    return ChargerSeen(
        charger_id,
        is_connected=True,
        last_seen_at=last_seen_at,
        site_id=SITE,
        sockets=tuple(
            SocketSeen(str(number), status=str(told["status"]), updated_at=later(_received_at(told), 0.2))
            for number, told in sorted(sockets.items())
        ),
    )


def _received_at(message: Message) -> Instant:
    return Instant.from_iso(str(message["receivedTimestamp"]))


def _told(charger_id: str, at: Instant, **fields: object) -> Message:
    return {"chargerId": charger_id, "receivedTimestamp": at.iso, "siteId": SITE, "externalSiteId": "EXT-1"} | fields
