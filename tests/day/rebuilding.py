"""A rebuild of everything, without the command around it."""

from ops.rebuilding.archive import Archive
from ops.rebuilding.findings import Findings
from ops.rebuilding.parts import Rebuilder, parts_of
from tests.day.operator_day import SHARDS


async def rebuilt(tables, *, is_dry_run=False):
    """What a rebuild of everything finds."""
    archive = Archive(tables, SHARDS)
    months = await archive.months()
    rebuilder = Rebuilder(tables, archive, months, SHARDS, is_dry_run=is_dry_run)
    findings = Findings()
    for part in parts_of(months, SHARDS):
        findings.take(await rebuilder.do(part))
    return findings
