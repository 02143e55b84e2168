"""eMabler over HTTP: the question for a tap, and events delivered to a webhook."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

DEFAULT_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Answered:
    """What an endpoint answered, and how long it took."""

    status: int
    body: dict[str, Any]
    seconds: float

    @property
    def is_allowed(self) -> bool:
        """What eMabler takes for a yes: the boolean, in a 200."""
        return self.status == httpx.codes.OK and self.body.get("charging_allowed") is True


class HttpSender:
    """Posts to a customer's endpoints with the Authorization value they gave, over connections that stay open."""

    def __init__(self, authorization: str, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        self._client = httpx.AsyncClient(headers={"Authorization": authorization}, timeout=timeout_seconds)

    async def __aenter__(self) -> Self:
        """The sender itself; it connects with the first request."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def tap(self, url: str, charger_id: str, id_tag: str) -> Answered:
        """Ask whether the tag may charge at the charger. Raises httpx.HTTPError where there is no answer."""
        return await self._post(url, json={"charger_id": charger_id, "rfid_tag_id": id_tag})

    async def deliver(self, url: str, body: bytes) -> Answered:
        """Deliver an event. Raises httpx.HTTPError where there is no answer."""
        return await self._post(url, content=body, headers={"Content-Type": "application/json"})

    async def _post(self, url: str, **request: Any) -> Answered:
        begun_seconds = time.perf_counter()
        response = await self._client.post(url, **request)
        seconds = time.perf_counter() - begun_seconds
        try:
            body = response.json()
        except ValueError:
            body = None
        return Answered(response.status_code, body if isinstance(body, dict) else {}, seconds)


async def tap_all(url: str, authorization: str, taps: Iterable[tuple[str, str]]) -> list[Answered]:
    """Ask for each pair of charger id and tag, one after the other."""
    async with HttpSender(authorization) as sender:
        return [await sender.tap(url, charger_id, id_tag) for charger_id, id_tag in taps]


async def deliver_all(url: str, authorization: str, bodies: Sequence[bytes], *, at_once: int = 8) -> list[Answered]:
    """Deliver each body, a few at once, as a webhook gets them."""
    turns = asyncio.Semaphore(at_once)
    async with HttpSender(authorization) as sender:

        async def deliver(body: bytes) -> Answered:
            async with turns:
                return await sender.deliver(url, body)

        return await asyncio.gather(*(deliver(body) for body in bodies))
