"""A day with lost, late and repeated pushes ends with every session complete, and the energy right to the Wh."""

import pytest

from shared.tables.client import AzureTables
from tests.day.operator_day import Day


@pytest.fixture
async def tables(azurite):
    """Empty tables."""
    tables = AzureTables.from_connection_string(azurite)
    for table in await tables.list_tables():
        await tables.drop_table(table)
    yield tables
    await tables.close()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_after_a_day_every_session_is_complete_to_the_wh(tables, version, chargers, capsys):
    """5 % of the pushes come again, 5 % up to six hours late, 1 % never."""
    lived = await Day(tables, version, chargers).live()

    told, kept = lived.told(), lived.kept()
    with capsys.disabled():
        print(f"\n{version}: {chargers} chargers, {lived.deliveries:,} deliveries, lost {dict(lived.lost)}")
        print(
            f"{told.total():,} sessions, {sum(wh * n for (_, _, wh, _), n in told.items()):,} Wh, {lived.calls} calls"
        )
        print({name: round(seconds, 1) for name, seconds in lived.seconds.items()})
        print(
            {
                name: sum(int(row[name]) for row in lived.ledger)
                for name in sorted(lived.ledger[0])
                if name.endswith(("sessions", "_wh"))
            }
        )
    assert kept - told == {}
    assert told - kept == {}
