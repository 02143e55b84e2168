"""Arguments and options that several commands take, each described once."""

from pathlib import Path
from typing import Annotated, Final

import typer

from shared.authorization.hours import check_time_zone
from shared.errors import Unacceptable

UTC: Final = "UTC"


def _checked_zone(name: str) -> str:
    try:
        return check_time_zone(name).key
    except Unacceptable as error:
        raise typer.BadParameter(str(error)) from None


TagId = Annotated[str, typer.Argument(metavar="TAG", help="The tag; case and outer spaces do not matter.")]
TagFilePath = Annotated[
    Path, typer.Argument(metavar="FILE.csv", exists=True, dir_okay=False, readable=True, help="The list, UTF-8.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else, on stdout.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]
ChargerId = Annotated[str, typer.Argument(metavar="ID", help="The charger's id: its OCPP id, case counts.")]
Replace = Annotated[
    bool, typer.Option("--replace", help="The file is the whole list: tags that it does not have are removed.")
]
TimeZone = Annotated[
    str,
    typer.Option(callback=_checked_zone, help="IANA name of the zone of dates and hours that name none themselves."),
]
Limit = Annotated[int, typer.Option(min=0, help="How many to show at most; 0 for all.")]


def first(limit: int) -> slice:
    """The part of a sequence that a limit leaves."""
    return slice(limit or None)
