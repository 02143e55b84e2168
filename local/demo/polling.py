"""The demo's REST part: a push that is lost on purpose, and the polls that find it and account for it."""

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from local.demo.deliveries import LostPush
from local.demo.errors import DemoFailed
from local.demo.stored import Stored, StoredRow
from local.demo.waiting import PATIENCE_SECONDS, wait_until
from local.stack import Stack
from simulator.rest.routes_v1 import API_KEY
from simulator.rest.routes_v2 import BASE
from simulator.rest.server import RestServer, serve_rest
from simulator.rest.world import World


@dataclass(frozen=True)
class Polled:
    """What was found about the lost push before and after the polls, and how the app says that it is."""

    before: StoredRow
    calls: int
    health: dict[str, Any]


class SimulatedRest:
    """eMabler's REST API of the demo's fleet while the block lasts, in a thread: as it is when the day is over."""

    def __init__(self, lost: LostPush) -> None:
        world = World(lost.fleet.chargers, lambda: lost.ends_at)
        for happening in lost.happenings:
            world.hear(happening)
        self._world = world
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._serving = serve_rest(world)
        self._server: RestServer | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._do(self._serving.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._do(self._serving.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def calls(self) -> int:
        """How often it was asked."""
        return len(self._server.calls) if self._server is not None else 0

    @property
    def environment(self) -> dict[str, str]:
        """The settings that lead the app here."""
        if self._server is None:
            raise DemoFailed("The simulated REST API is not running.")
        return {
            "EMABLER_API_VERSION": "v2",
            "EMABLER_API_KEY": API_KEY,
            "EMABLER_BASE_URL": self._server.url + BASE,
        }

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_SECONDS)


def poll_everything(stack: Stack, lost: LostPush, rest: SimulatedRest) -> Polled:
    """Fire each timer that polls, as its schedule would; returns when all have succeeded."""
    before = lost_session(Stored.read(stack.event_storage), lost)
    for function, kinds in (
        ("poll_chargers", ["chargers"]),
        ("poll_statistics", ["sessions"]),
        ("reconcile", ["reconciliation"]),
    ):
        _fire(stack, function, kinds)
    answer = httpx.get(
        f"{stack.functions_url}/api/health", headers={"Authorization": stack.surroundings.token}, timeout=20
    )
    return Polled(before, rest.calls, answer.json())


def lost_session(stored: Stored, lost: LostPush) -> StoredRow:
    """The row of the session whose full transaction was lost."""
    charger_id, transaction_id = lost.session
    for row in stored.rows("Transactions"):
        if (row["charger_id"], row.get("transaction_id")) == (charger_id, transaction_id):
            return row
    raise DemoFailed(f"There is no session {transaction_id} of charger {charger_id}.")


def _fire(stack: Stack, function: str, kinds: list[str]) -> None:
    before = _succeeded(stack)
    httpx.post(f"{stack.functions_url}/admin/functions/{function}", json={}, timeout=PATIENCE_SECONDS)
    wait_until(
        lambda: all(_succeeded(stack).get(kind, "") > before.get(kind, "") for kind in kinds),
        f"{function} has succeeded",
    )


def _succeeded(stack: Stack) -> dict[str, str]:
    """When each kind of poll last succeeded."""
    rows = Stored.read(stack.event_storage).rows("PollState")
    return {row["RowKey"]: str(row["succeeded_at"]) for row in rows if row.get("succeeded_at") is not None}
