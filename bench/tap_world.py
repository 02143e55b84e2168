"""What a tap needs to be answered: a list of tags in use and chargers that are known, in an Azurite; and the calls."""

from collections.abc import Callable, Iterable, Sequence
from itertools import cycle
from typing import Final
from urllib.parse import urlencode

import orjson

from bench.http_calls import Call
from bench.storing import DEADLINE_SECONDS, SHARDS
from shared.authorization.tag_rows import tag_keys, tag_row
from shared.authorization.tags import Tag
from shared.deadlines import Deadline
from shared.tables.client import AzureTables
from shared.tables.keys import CHARGER_STATUS, escape, shard
from shared.tables.store import Row, TableRow
from shared.tables.writing import RowWriter
from tests.support.tag_lists import use_list

TOKEN: Final = "the value that eMabler shows"  # noqa: S105  # of a server that lives as long as the measurement
CHARGER_IDS: Final = tuple(f"CHARGER_{number}" for number in range(16))
"""Several, so that the decisions are spread over partitions, as a fleet's are."""
LIST: Final = "Tags20250402000000000"

ALLOWED: Final = b'{"charging_allowed":true}'
NOTHING_SAID: Final = b"{}"


def tag_ids(count: int) -> list[str]:
    """So many tags, as long as those of cards with a UID of seven bytes."""
    return [f"04A2{number:010X}" for number in range(count)]


async def write_tap_world(connection_string: str, id_tags: Sequence[str]) -> None:
    """Write the list of tags, make it the one in use, and let the chargers have been heard of."""
    tables = AzureTables.from_connection_string(connection_string)
    deadline = Deadline.after(DEADLINE_SECONDS)
    writer = RowWriter(tables)
    try:
        await use_list(tables, LIST)
        await writer.upsert([TableRow(LIST, tag_row(Tag(id_tag))) for id_tag in id_tags], deadline)
        await writer.upsert(
            [TableRow(CHARGER_STATUS, _charger_row(charger_id)) for charger_id in CHARGER_IDS], deadline
        )
    finally:
        await tables.close()


def _charger_row(charger_id: str) -> Row:
    return {
        "PartitionKey": shard(charger_id, SHARDS),
        "RowKey": f"{escape(charger_id)}!charger",
        "charger_id": charger_id,
        "site_id": "SITE_1",
    }


def tap(url: str, charger_id: str, id_tag: str) -> Call:
    """The question to our app under that URL."""
    return Call.post(f"{url}/api/realtime-auth", question(charger_id, id_tag), ALLOWED, TOKEN)


def nothing(url: str, charger_id: str, id_tag: str) -> Call:
    """The same body, to the function that answers without a look."""
    return Call.post(f"{url}/api/nothing", question(charger_id, id_tag), NOTHING_SAID, TOKEN)


def one_row(url: str, charger_id: str, id_tag: str) -> Call:
    """The same body, to the function that reads the tag's row; where that is stands in the query, ready-made."""
    partition_key, row_key = tag_keys(id_tag)
    place = urlencode({"table": LIST, "partition_key": partition_key, "row_key": row_key})
    return Call.post(f"{url}/api/one-row?{place}", question(charger_id, id_tag), NOTHING_SAID, TOKEN)


def calls_of(make: Callable[[str, str, str], Call], url: str, id_tags: Iterable[str]) -> list[Call]:
    """A call for each tag, the chargers taking turns."""
    return [make(url, charger_id, id_tag) for charger_id, id_tag in zip(cycle(CHARGER_IDS), id_tags, strict=False)]


def question(charger_id: str, id_tag: str) -> bytes:
    """The body that eMabler sends with a tap."""
    return orjson.dumps({"charger_id": charger_id, "rfid_tag_id": id_tag})
