"""A day with lost, late and repeated pushes ends with every session complete, and the energy right to the Wh."""

import sys

import pytest

from tests.day.operator_day import Day
from tests.day.rebuilding import rebuilt


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_after_a_day_every_session_is_complete_to_the_wh(tables, version, chargers, capsys):
    """5 % of the pushes come again, 5 % up to six hours late, 1 % never. A rebuild finds nothing to mend then."""
    lived = await Day(tables, version, chargers).live()

    told, kept = lived.told(), lived.kept()
    with capsys.disabled():
        sys.stdout.write(summary(version, chargers, lived))
    assert kept - told == {}
    assert told - kept == {}
    assert (await rebuilt(tables, is_dry_run=True)).differences == 0


def summary(version, chargers, lived):
    """What `make day` shows."""
    told = lived.told()
    energy_wh = sum(wh * sessions for (_, _, wh, _), sessions in told.items())
    lost = ", ".join(f"{count} {kind}" for kind, count in sorted(lived.lost.items()))
    seconds = ", ".join(f"{name} {spent:.0f} s" for name, spent in lived.seconds.items())
    verdicts = ("equal", "completed", "polled_only", "pushed_only", "different", "ambiguous", "unexplained")
    ledger = ", ".join(f"{sum(int(row[f'{name}_sessions']) for row in lived.ledger)} {name}" for name in verdicts)
    return (
        f"\nA day of {chargers} chargers with API {version}: {told.total():,} sessions, {energy_wh:,} Wh\n"
        f"  {lived.deliveries:,} deliveries; never delivered: {lost}\n"
        f"  {lived.calls:,} calls to eMabler; {seconds}\n"
        f"  ledger: {ledger}; kept {sum(int(row['kept_wh']) for row in lived.ledger):,} Wh\n"
    )
