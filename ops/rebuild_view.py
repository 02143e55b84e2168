"""What a rebuild found, for people and for programs."""

from collections.abc import Iterable
from typing import Any

from rich.console import RenderableType

from ops.output import table_of
from ops.rebuilding.archive import Archive
from ops.rebuilding.findings import Findings, Verdict


def report_data(findings: Findings, archive: Archive | None, *, is_dry_run: bool) -> dict[str, Any]:
    """For programs."""
    return {
        "dry_run": is_dry_run,
        "differences": findings.differences,
        "tables": {
            table: {str(verdict): findings.counts[table, verdict] for verdict in Verdict} for table in _tables(findings)
        },
        "rows": [
            {"table": one.table, "row_key": one.row_key, "verdict": str(one.verdict), "columns": list(one.columns)}
            for one in findings.named
        ],
        "events_read": archive.events_read if archive is not None else 0,
        "events_left": archive.events_left if archive is not None else 0,
    }


def report_parts(findings: Findings, archive: Archive) -> Iterable[RenderableType]:
    """For people."""
    yield table_of(
        ["table", *(f">{verdict}" for verdict in Verdict)],
        ([table, *(f"{findings.counts[table, verdict]:,}" for verdict in Verdict)] for table in _tables(findings)),
    )
    if findings.named:
        yield table_of(
            ["table", "row", "", "columns"],
            ([one.table, one.row_key, one.verdict, ", ".join(one.columns)] for one in findings.named),
        )
    if findings.differences > len(findings.named):
        yield f"and {findings.differences - len(findings.named):,} more"
    yield f"{archive.events_read:,} rows of the archive were read."
    if archive.events_left:
        yield (
            f"{archive.events_left:,} of them are read otherwise by this release than when they were stored; what was "
            "made of them was left as it is."
        )


def _tables(findings: Findings) -> list[str]:
    return sorted({table for table, _ in findings.counts})
