"""Faults to order: what can go wrong between eMabler and who asks it, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


class FaultKind(StrEnum):
    """What goes wrong."""

    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    REDIRECT = "redirect"
    HTML = "html"
    """A page for people, with a 200."""
    TRUNCATED = "truncated"
    """JSON that ends in the middle."""
    CUT_CONNECTION = "cut_connection"
    """A connection that ends in the middle."""
    HANG = "hang"
    """No answer at all."""
    ENDLESS_PAGES = "endless_pages"
    """Always another page, and always the last one."""
    SHIFTING_PAGES = "shifting_pages"
    """A new row at the front between any two pages, so that rows repeat."""


ABOUT_PAGES = frozenset({FaultKind.ENDLESS_PAGES, FaultKind.SHIFTING_PAGES})


@dataclass(slots=True)
class Fault:
    """One fault: for requests whose path contains `path`, so many `times`, or until it is cleared (None)."""

    kind: FaultKind
    path: str = ""
    times: int | None = None
    retry_after: str | None = None
    """The header with `rate_limited`: seconds, or a date."""
    status: int = 503
    """Which 5xx a `server_error` is."""

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> Self:
        """A fault out of JSON. Raises ValueError or TypeError for what is none."""
        fault = cls(**{**written, "kind": FaultKind(written["kind"])})
        if not isinstance(fault.times, int | None):
            raise TypeError("times must be a whole number or null")
        if fault.retry_after is not None:
            fault.retry_after = str(fault.retry_after)
        return fault


class Faults:
    """The faults that are ordered, the first that fits first."""

    def __init__(self) -> None:
        self._ordered: list[Fault] = []

    def order(self, *faults: Fault) -> None:
        """Add faults."""
        self._ordered += faults

    def clear(self) -> None:
        """Take all back."""
        self._ordered.clear()

    def next_for(self, path: str) -> Fault | None:
        """The fault that a request to this path meets, which counts as met."""
        for fault in self._ordered:
            if fault.path in path and fault.times != 0:
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None
