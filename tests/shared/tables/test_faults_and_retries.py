"""Reading refusals and Retry-After, and how long we pause."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import islice

import pytest

from shared.deadlines import Deadline
from shared.errors import RowExists, StorageUnavailable
from shared.tables.faults import Refusal, refusal_in, retry_after_seconds
from shared.tables.retries import LONGEST_PAUSE_SECONDS, pauses_seconds, until_deadline


@pytest.mark.parametrize(
    ("body", "code", "index"),
    [
        (b'{"odata.error":{"code":"InvalidInput","message":{"lang":"en-US","value":"99:One of"}}}', "InvalidInput", 99),
        (b'{"odata.error":{"code":"TableNotFound","message":{"value":"The table"}}}', "TableNotFound", None),
        (b"<?xml version='1.0'?><m:error><m:code>ServerBusy</m:code></m:error>", "ServerBusy", None),
        (b"<Error><Code>AuthenticationFailed</Code></Error>", "AuthenticationFailed", None),
        (b"", "FromHeader", None),
        (b"<html>no</html>", "FromHeader", None),
    ],
)
def test_code_and_index_are_found_in_every_form(body, code, index):
    """JSON, XML of two kinds, and a header are where the service puts its code."""
    assert Refusal(400, code, index) == refusal_in(400, body, code="FromHeader")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("0", 0), (" 7 ", 7), (None, None), ("Wed, 02 Apr 2025 10:11:12 -0000", 0), ("soon", None), ("-1", None)],
)
def test_retry_after_counts_seconds(header, seconds):
    """A whole number is seconds; what cannot be read is nothing."""
    assert seconds == retry_after_seconds(header)


@pytest.mark.parametrize(("ahead", "least", "most"), [(30, 28, 30), (-30, 0, 0)])
def test_retry_after_tells_a_date(ahead, least, most):
    """The time until then, and none for a date that has passed."""
    moment = datetime.now(UTC) + timedelta(seconds=ahead)

    assert least <= retry_after_seconds(format_datetime(moment, usegmt=True)) <= most


def test_pauses_grow_from_a_fifth_of_a_second_to_five():
    """Each is jittered within its step, and no step is longer than five seconds."""
    pauses = list(islice(pauses_seconds(), 12))

    assert 0.1 <= pauses[0] <= 0.3
    for step, pause in zip((0.3, 0.6, 1.2, 2.4, 4.8, 5.0, 5.0), pauses, strict=False):
        assert step / 2 <= pause <= step
    assert max(pauses) <= LONGEST_PAUSE_SECONDS
    assert len(set(pauses)) == len(pauses)


async def test_what_will_not_pass_is_not_tried_again():
    """A conflict goes straight to the caller."""
    calls = []

    async def conflict():
        calls.append(1)
        raise RowExists("there already", index=0)

    with pytest.raises(RowExists):
        await until_deadline(Deadline.after(5), conflict)

    assert calls == [1]


async def test_nothing_is_tried_past_the_deadline():
    """With less time left than the next pause takes, the fault is raised instead of waited for."""
    calls = []

    async def busy():
        calls.append(1)
        raise StorageUnavailable("busy", status=503, retry_after_seconds=0.4)

    with pytest.raises(StorageUnavailable, match="busy"):
        await until_deadline(Deadline.after(0.9), busy)

    assert 2 <= len(calls) <= 3


async def test_a_retry_after_of_no_time_is_no_invitation_to_hammer():
    """Our own pauses are the least there is, also where the service asks for none."""
    calls = []

    async def busy():
        calls.append(1)
        raise StorageUnavailable("busy", status=503, retry_after_seconds=0.0)

    with pytest.raises(StorageUnavailable, match="busy"):
        await until_deadline(Deadline.after(0.5), busy)

    assert len(calls) <= 4
