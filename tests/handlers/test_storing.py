"""What the triggers that bring batches share: their patience, and their lines in the log."""

import logging

from handlers.storing import log_outcome, patience_seconds
from shared.ingest.ingest import Outcome
from shared.settings import settings


def test_settings_that_cannot_be_read_give_batches_back_slowly(monkeypatch):
    """Without settings there is no deadline of theirs, so the default one counts."""
    monkeypatch.setenv("EVENT_SHARDS", "many")
    settings.cache_clear()

    assert patience_seconds() == 120.0

    settings.cache_clear()


def test_an_empty_outcome_is_one_line(caplog):
    """Nothing quarantined, nothing reused: nothing more to say."""
    with caplog.at_level(logging.INFO):
        log_outcome(Outcome(deliveries=2, repeats=2))

    assert [record.getMessage() for record in caplog.records] == [
        "ingest deliveries=2 stored=none repeats=2 quarantined=0 duration_ms=0.0"
    ]
