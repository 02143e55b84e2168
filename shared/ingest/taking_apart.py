"""Storing for a source that has no place for a message which cannot be stored: Kafka.

Service Bus counts deliveries, and after ten a message is a dead letter. Kafka only has an offset, of the whole batch: a
batch that never succeeds would stop its partition for ever, and one that is skipped is lost. So a batch that fails for
a fault of this app is tried a few times, then taken apart, message by message, and what still fails is set aside.
Storage that is away, and a wrong setting, are nobody's fault: they are told to the caller, who waits.
"""

import asyncio
import logging
import traceback
from collections.abc import Sequence
from typing import Final

from shared.deadlines import Deadline
from shared.errors import ConfigurationError, GiveBack, Unacceptable
from shared.ingest.ingest import Ingest, Outcome
from shared.ingest.rows import Delivery

MOST_TRIES: Final = 3
PAUSE_SECONDS: Final = 0.5

_log = logging.getLogger(__name__)


async def store_or_set_aside(ingest: Ingest, deliveries: Sequence[Delivery], deadline: Deadline) -> Outcome:
    """Store a batch: when this returns, every message of it is in the tables or in quarantine, whatever went wrong.

    Raises GiveBack and ConfigurationError as Ingest.store does; then the batch has to come again, whole.
    """
    for number in range(1, MOST_TRIES + 1):
        try:
            return await ingest.store(deliveries, deadline)
        except (GiveBack, ConfigurationError):
            raise
        except Exception as error:  # noqa: BLE001  # see the module's docstring
            _log.error("ingest cannot store the batch, try %d of %d %s", number, MOST_TRIES, _described(error))
        await asyncio.sleep(min(PAUSE_SECONDS, deadline.remaining_seconds))
    outcome = Outcome()
    for delivery in deliveries:
        outcome.add(await _store_one(ingest, delivery, deadline))
    return outcome


async def _store_one(ingest: Ingest, delivery: Delivery, deadline: Deadline) -> Outcome:
    """Store a message, or set it aside for a fault of this app."""
    try:
        return await ingest.store([delivery], deadline)
    except (GiveBack, ConfigurationError):
        raise
    except Exception as error:  # noqa: BLE001  # see the module's docstring
        _log.error("ingest cannot store a message, set aside %s", _described(error))
        reason = Unacceptable(f"not-stored-{type(error).__name__}", "a fault of this app: report it")
    # When the fault is left behind: what is raised while it is handled would carry its text into the host's log.
    return await ingest.set_aside(delivery, reason, deadline)


def _described(error: Exception) -> str:
    """What went wrong, and where; not the error's text, which could hold anything."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"error={type(error).__name__} at {frame.filename}:{frame.lineno}; a fault of this app, report it"
