"""The command `gaps`: about which chargers push is silent, as the last poll found it. It asks storage alone."""

import typer

from ops.options import AsJson
from ops.output import Output
from ops.polling_view import gaps_data, gaps_parts
from ops.running import run
from shared.instants import Instant
from shared.polling.gaps import GAPS_PARTITION, Gap
from shared.settings import Settings
from shared.tables.keys import POLL_STATE
from shared.tables.store import Tables

verbs = typer.Typer()


@verbs.command()
def gaps(*, as_json: AsJson = False) -> None:
    """Show the chargers about which push is silent although REST shows that they do something."""
    out = Output(as_json=as_json)

    async def work(tables: Tables, _: Settings) -> None:
        rows = [stored.row async for stored in tables.query(POLL_STATE, "PartitionKey eq @gaps", gaps=GAPS_PARTITION)]
        found = sorted(map(Gap.of_row, rows), key=lambda gap: gap.since)
        out.show(gaps_data(found, Instant.now()), *gaps_parts(found))

    run(work, out)
