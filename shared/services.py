"""The long-lived parts of a process, made once from the settings, when they are first needed.

Nothing here connects to anything by being made: a broken setting must not keep the functions from being indexed. What
stores events is imported when the first one comes, because a driver may be waiting for a process that just started.
"""

import asyncio
import logging
from functools import cache
from typing import TYPE_CHECKING

from shared import exporting
from shared.answers import HttpAnswer
from shared.authorization.authorizer import Authorizer, OnFailure, Policy
from shared.authorization.recorder import Recorder
from shared.authorization.taps import Taps, without_rules
from shared.deadlines import Deadline
from shared.errors import ConfigurationError
from shared.settings import Settings, settings
from shared.tables.client import AzureTables

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from shared.health.looking import HealthCheck
    from shared.ingest.ingest import Ingest, Outcome
    from shared.ingest.rows import Delivery
    from shared.polling.poller import Poller
    from shared.webhook.webhook import Webhook

_log = logging.getLogger(__name__)


def connect_tables(chosen: Settings) -> AzureTables:
    """The tables that the settings name. Raises ConfigurationError where they name none."""
    if chosen.event_storage is not None:
        return AzureTables.from_connection_string(chosen.event_storage.get_secret_value())
    if chosen.event_storage_table_uri is not None:
        return AzureTables.from_identity(chosen.event_storage_table_uri, chosen.event_storage_client_id)
    raise ConfigurationError(
        "No storage is set. Set EventStorage to a connection string, or EventStorage__tableServiceUri to the table "
        "endpoint that the app's managed identity may use."
    )


@cache
def tables() -> AzureTables:
    """The process's tables, over one pool of connections."""
    return connect_tables(settings())


@cache
def ingest() -> "Ingest":
    """The process's ingest."""
    from shared.ingest.ingest import Ingest  # noqa: PLC0415  # see the module

    return Ingest(tables(), settings().event_shards)


async def store_or_set_aside(deliveries: "Sequence[Delivery]", deadline: Deadline) -> "Outcome":
    """Store a batch for a source without a dead-letter queue. Raises GiveBack and ConfigurationError."""
    from shared.ingest import taking_apart  # noqa: PLC0415  # see the module

    return await taking_apart.store_or_set_aside(ingest(), deliveries, deadline)


@cache
def tap_tables() -> AzureTables:
    """The same tables over connections of their own: a driver must not queue behind a backlog that is being stored."""
    return connect_tables(settings())


@cache
def taps() -> Taps:
    """What answers the process's taps."""
    chosen = settings()
    return Taps(
        Authorizer(tap_tables(), chosen.event_shards, policy_of(chosen)), Recorder(tap_tables(), chosen.event_shards)
    )


async def answer_tap(body: bytes) -> HttpAnswer:
    """The answer to an authenticated RealTimeAuth body; also where the app's settings are wrong."""
    try:
        answering = taps()
    except ConfigurationError as error:
        _log.error("tap not decided by the rules: %s", error)
        return without_rules(on_failure())
    return await answering.answer(body)


@cache
def webhook() -> "Webhook":
    """What takes the process's webhook deliveries."""
    from shared.webhook.connecting import connect_queue, has_queue  # noqa: PLC0415  # see the module
    from shared.webhook.queue import EventQueue  # noqa: PLC0415
    from shared.webhook.webhook import Webhook  # noqa: PLC0415

    chosen = settings()
    queue = EventQueue(lambda: connect_queue(chosen), chosen.push_events_queue) if has_queue(chosen) else None
    return Webhook(queue, ingest)


async def take_delivery(body: bytes) -> HttpAnswer:
    """The answer to an authenticated body at the webhook, which takes taps, too.

    Raises ConfigurationError where the settings do not let events be kept.
    """
    from shared.webhook.reading import Kind, kind_of  # noqa: PLC0415  # see the module

    kind = kind_of(body)
    if kind in {Kind.TAP, Kind.CHECK}:
        return await answer_tap(body)
    return await webhook().take(body, kind)


@cache
def health_check() -> "HealthCheck":
    """What looks at how the process's app is. Raises ConfigurationError."""
    from shared.health.dead_letters import DeadLetters  # noqa: PLC0415  # see the module
    from shared.health.looking import HealthCheck  # noqa: PLC0415
    from shared.polling.connecting import has_emabler  # noqa: PLC0415
    from shared.webhook.connecting import connect_queue, has_queue  # noqa: PLC0415

    chosen = settings()
    dead_letters = DeadLetters(lambda: connect_queue(chosen), chosen.push_events_queue) if has_queue(chosen) else None
    return HealthCheck(tables(), chosen.event_shards, dead_letters, is_polling=has_emabler(chosen))


async def poll(work: "Callable[[Poller], Awaitable[object]]") -> None:
    """Do some polling with the account of the settings; nothing where there is none, or another run does it already.

    Raises what the run ended with.
    """
    from shared.polling.connecting import connect_emabler, has_emabler  # noqa: PLC0415  # see the module

    chosen = settings()
    if not has_emabler(chosen):
        _log.info("poll nothing: EMABLER_API_KEY is not set")
        return
    from shared.polling.errors import AnotherRun  # noqa: PLC0415
    from shared.polling.poller import Poller, plan_of  # noqa: PLC0415

    api = connect_emabler(chosen)
    try:
        await work(Poller(tables(), api, plan_of(chosen)))
    except AnotherRun as error:
        _log.info("poll left to another run: %s", error)
    finally:
        await api.close()
        await asyncio.to_thread(exporting.flush)


def on_failure() -> OnFailure:
    """What the operator chose for failures; the default while the settings cannot be used."""
    try:
        return OnFailure(settings().realtime_auth_on_failure)
    except ConfigurationError:
        return OnFailure.DENY


def policy_of(chosen: Settings) -> Policy:
    """What the settings say about taps."""
    return Policy(
        cache_seconds=chosen.realtime_auth_cache_seconds,
        stale_seconds=chosen.realtime_auth_stale_seconds,
        deadline_seconds=chosen.realtime_auth_deadline_ms / 1000,
        on_failure=OnFailure(chosen.realtime_auth_on_failure),
        refuses_unknown_chargers=chosen.realtime_auth_unknown_charger == "refuse",
    )
