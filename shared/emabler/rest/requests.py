"""One question to eMabler, and its answer: what passes between the two clients and the transport."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote

import orjson

from shared.emabler.rest.errors import ContractBroken, RequestRefused

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_DOTS: Final = re.compile(r"\.{1,2}")


class Permission(StrEnum):
    """What an API key may be allowed to do, in eMabler's words (API v2's OpenAPI document)."""

    READ_CHARGERS = "ReadChargers"
    READ_SESSIONS = "ReadSessions"
    READ_SITES = "ReadSites"
    READ_INTEGRATIONS = "ReadIntegrations"
    WRITE_CHARGERS = "WriteChargers"
    WRITE_SITES = "WriteSites"


@dataclass(frozen=True, slots=True)
class Request:
    """A call of one operation. `path` follows the base URL; credentials are not here, the transport adds them.

    `needs` is the permission that the key should have. `subject` is what the call names, such as `charger X`, and None
    for a list. A request that is no `is_read` changes something at eMabler and is sent again only where it never left.
    """

    method: str
    path: str
    needs: Permission
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    subject: str | None = None
    is_read: bool = True

    @property
    def name(self) -> str:
        """How errors and logs call it: without query and body, which may hold tags."""
        return f"{self.method} {self.path}"

    @property
    def doubt(self) -> str:
        """What to add to an error after which nobody knows whether the request was carried out; empty for a read."""
        return "" if self.is_read else "; it may have been carried out all the same: look before you repeat it"


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer, in whole. Its body may hold personal data."""

    request_name: str
    content_type: str
    """Without its parameters."""
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body's JSON, whatever type the header claims: v1 is known to say text/plain. Raises ContractBroken."""
        try:
            return orjson.loads(self.body.removeprefix(_BYTE_ORDER_MARK))
        except orjson.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
        # Not inside the handler: the decoder's error holds the whole body, and would stay attached to ours.
        kind = self.content_type or "no type"
        raise ContractBroken(
            f"{self.request_name}: the answer ({len(self.body)} bytes of {kind}) is not JSON at {where}. Where this "
            "lasts, something else than eMabler's API answers there: check EMABLER_BASE_URL"
        )


def path_segment(text: str) -> str:
    """An id as one segment of a path. Raises RequestRefused for one that would make it another path."""
    if not text or _DOTS.fullmatch(text):
        raise RequestRefused("an id that is empty or nothing but dots cannot be asked for over REST")
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        pass
    raise RequestRefused("an id with half a character in it cannot be asked for over REST")
