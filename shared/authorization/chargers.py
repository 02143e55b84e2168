"""The charger that asks, out of the current state that push and polling keep."""

from shared.authorization.tags import Charger
from shared.deadlines import Deadline
from shared.tables.keys import CHARGER_STATUS, rows_of_charger, shard
from shared.tables.store import StoredRow, Tables


async def find_charger(tables: Tables, charger_id: str, shards: int, deadline: Deadline) -> Charger:
    """What is known of a charger: it is known where it, or one of its sockets, has a row.

    Its site is that of the newest row that has one: boot messages of two generations name none.

    Raises StorageUnavailable or StorageRefusesAccess where storage fails.
    """
    first, end = rows_of_charger(charger_id)
    rows = await tables.find(
        CHARGER_STATUS,
        "PartitionKey eq @shard and RowKey ge @first and RowKey lt @end",
        deadline,
        shard=shard(charger_id, shards),
        first=first,
        end=end,
    )
    if not rows:
        return Charger(charger_id, is_known=False)
    newest_first = sorted(rows, key=_last_occurred_at, reverse=True)
    return Charger(charger_id, is_known=True, site_ids=next(filter(None, map(_site_ids, newest_first)), frozenset()))


def _site_ids(stored: StoredRow) -> frozenset[str]:
    sites = (stored.row.get("site_id"), stored.row.get("external_site_id"))
    return frozenset(str(site) for site in sites if site is not None)


def _last_occurred_at(stored: StoredRow) -> int:
    occurred_at = stored.row.get("last_occurred_at")
    return int(occurred_at) if isinstance(occurred_at, int) else 0
