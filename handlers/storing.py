"""What the triggers that bring batches of events have in common: how long they wait, and what they say in the log."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from shared import telemetry
from shared.deadlines import Deadline
from shared.errors import ConfigurationError, EmablerError, GiveBack
from shared.settings import Settings, settings

if TYPE_CHECKING:
    from shared.ingest.ingest import Outcome

_log = logging.getLogger(__name__)


async def store_or_give_back(store: "Callable[[Deadline], Awaitable[Outcome]]") -> None:
    """Store a batch by the deadline of the settings; raises what `store` raises, but not before that deadline.

    What is given back comes again at once, and over Service Bus counts a delivery: ten of them, and good messages are
    dead letters. So a fault that shows at once (a missing role, a wrong setting) is waited out like one that takes its
    time.
    """
    started = time.monotonic()
    deadline = Deadline.after(patience_seconds())
    try:
        outcome = await store(deadline)
    except Exception as error:
        if not isinstance(error, GiveBack):  # that one is counted where it arises, in ingest
            telemetry.INGEST_DURATION.record((time.monotonic() - started) * 1000, outcome="given_back")
        # Only our own errors are known to hold nothing personal in their text.
        text = str(error) if isinstance(error, EmablerError) else "see the failed invocation"
        _log.error(
            "ingest cannot store the batch, given back in %.0f s error=%s: %s",
            deadline.remaining_seconds,
            type(error).__name__,
            text,
        )
        await asyncio.sleep(deadline.remaining_seconds)
        raise
    log_outcome(outcome)


def patience_seconds() -> float:
    """The deadline of the settings, or its default while the settings cannot be read at all."""
    try:
        return settings().ingest_deadline_seconds
    except ConfigurationError:
        return float(Settings.model_fields["ingest_deadline_seconds"].default)


def log_outcome(outcome: "Outcome") -> None:
    """One line for a batch, and one more for each thing an operator should look at. Counts and ids of sessions only."""
    stored = ",".join(f"{event_type}:{count}" for event_type, count in sorted(outcome.stored.items())) or "none"
    _log.info(
        "ingest deliveries=%d stored=%s repeats=%d quarantined=%d duration_ms=%.1f",
        outcome.deliveries,
        stored,
        outcome.repeats,
        outcome.quarantined.total(),
        outcome.duration_seconds * 1000,
    )
    for reason, count in sorted(outcome.quarantined.items()):
        _log.error("ingest quarantined reason=%s entries=%d; see the table Quarantine", reason, count)


def texts(properties: Mapping[str, object] | None) -> dict[str, str]:
    """What a sender attached to a message, as texts that can be written as UTF-8; half a surrogate pair cannot."""
    return {_text(name): _text(value) for name, value in (properties or {}).items()}


def _text(value: object) -> str:
    return str(value).encode("utf-8", "replace").decode()
