"""Lists in pages, as v2 has them."""

from collections.abc import Mapping, Sequence
from typing import Any

from simulator.rest.faults import FaultKind

DEFAULT_LIMIT = 100


def page_of(
    items: Sequence[dict[str, Any]], query: Mapping[str, Any], most: int, fault: FaultKind | None
) -> dict[str, Any]:
    """One page. Raises ValueError for a page or limit that is none; `fault` is one about pages that was ordered."""
    limit, number = int(query.get("limit", DEFAULT_LIMIT)), int(query.get("page", 1))
    if not (0 < limit <= most and number > 0):
        raise ValueError(f"page counts from 1, limit up to {most}")
    first, total = (number - 1) * limit, len(items)
    if fault is FaultKind.SHIFTING_PAGES:  # a row has come in front for each page that was read
        first, total = first - (number - 1), total + number - 1
    if fault is FaultKind.ENDLESS_PAGES:
        first = min(first, max(0, len(items) - 1) // limit * limit)
    shown = list(items[first : first + limit])
    return {
        "page": number,
        "limit": limit,
        "totalRecords": total,
        "hasNextPage": fault is FaultKind.ENDLESS_PAGES or first + limit < len(items),
        "hasPreviousPage": number > 1,
        "items": shown,
    }
