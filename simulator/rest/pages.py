"""Lists in pages, as v2 has them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from simulator.rest.asking import BadRequest
from simulator.rest.faults import FaultKind

DEFAULT_LIMIT = 100

Item = TypeVar("Item")


def page_of(
    items: Sequence[Item],
    show: Callable[[Item], dict[str, Any]],
    query: Mapping[str, Any],
    most: int,
    fault: FaultKind | None,
) -> dict[str, Any]:
    """One page, of which each item is shown. `fault` is one about pages that was ordered.

    Raises BadRequest for a page or limit that is none.
    """
    number, limit = _whole(query, "page", 1), _whole(query, "limit", DEFAULT_LIMIT)
    if not (0 < limit <= most and number > 0):
        raise BadRequest(f"page counts from 1, limit up to {most}")
    first, total = (number - 1) * limit, len(items)
    if fault is FaultKind.SHIFTING_PAGES:  # a row has come in front for each page that was read
        first, total = first - (number - 1), total + number - 1
    if fault is FaultKind.ENDLESS_PAGES:
        first = min(first, max(0, len(items) - 1) // limit * limit)
    return {
        "page": number,
        "limit": limit,
        "totalRecords": total,
        "hasNextPage": fault is FaultKind.ENDLESS_PAGES or first + limit < len(items),
        "hasPreviousPage": number > 1,
        "items": [show(item) for item in items[first : first + limit]],
    }


def _whole(query: Mapping[str, Any], name: str, otherwise: int) -> int:
    try:
        return int(query.get(name, otherwise))
    except (TypeError, ValueError):
        raise BadRequest(f"{name} is a whole number") from None
