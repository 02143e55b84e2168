"""From a body to an answer, as eMabler sends and expects them."""

import json
import logging

import pytest

from shared.authorization.authorizer import Authorizer, OnFailure, Policy
from shared.authorization.recorder import Recorder
from shared.authorization.taps import Taps
from shared.errors import StorageUnavailable
from tests.support.messages import within


@pytest.fixture
def recorder(tables):
    """Keeps the decisions of `answer`."""
    return Recorder(tables, 4)


@pytest.fixture
def answer(tables, recorder):
    """Answers a body, by default with a refusal where storage fails."""

    async def status_and_json(body, on_failure=OnFailure.DENY):
        authorizer = Authorizer(tables, 4, Policy(deadline_seconds=0.2, on_failure=on_failure))
        answered = await Taps(authorizer, recorder).answer(body)
        return answered.status, json.loads(answered.body)

    return status_and_json


def _question(id_tag, charger_id="C1"):
    return json.dumps({"charger_id": charger_id, "rfid_tag_id": id_tag}).encode()


async def test_answers_have_exactly_the_fields_that_emabler_documents(answer):
    """The type where there is one, the reason on a refusal alone."""
    assert await answer(_question("good")) == (200, {"charging_allowed": True, "rfid_tag_type": "RFID"})
    assert await answer(_question("BAD")) == (200, {"charging_allowed": False, "reason": "UNAUTHORIZED_RFID_TAG_ID"})
    assert await answer(_question("X")) == (200, {"charging_allowed": False, "reason": "UNKNOWN_RFID_TAG_ID"})


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{}", b"[]", b"null", b"true", b"not json", b"\xff\xfe{", b'"text"', b"[" * 10_000, b"NaN"),
        *(b'{"charger_id": "C1"}', b'{"rfid_tag_id": "GOOD"}', b'{"charger_id": "C1", "rfid_tag_id": null}'),
        *(b'{"charger_id": 1, "rfid_tag_id": "GOOD"}', b'{"charger_id": "C1", "rfid_tag_id": ["GOOD"]}'),
        *(b'{"charger_id": "", "rfid_tag_id": "GOOD"}', b'{"charger_id": "C1", "rfid_tag_id": ""}'),
        _question("X" * 256),
        b'[{"charger_id": "C1", "rfid_tag_id": "GOOD"}]',
        b'{"charger_id": "C1", "rfid_tag_id": "\\ud800"}',
    ],
)
async def test_what_is_no_question_is_answered_no(answer, body, caplog):
    """With a 200, and logged with what is wrong and a count, not with what it says."""
    assert await answer(body) == (200, {"charging_allowed": False})
    assert "tap unreadable, refused: not a RealTimeAuth request" in caplog.text
    assert "GOOD" not in caplog.text


async def test_a_byte_order_mark_and_further_fields_do_no_harm(answer):
    """Vendors add fields."""
    body = b'\xef\xbb\xbf{"socket": 1, "charger_id": "C1", "rfid_tag_id": "GOOD"}'

    assert (await answer(body))[1]["charging_allowed"] is True


async def test_without_storage_the_operators_choice_is_answered(answer, tables, caplog):
    """An `error` is for eMabler's own fallback, so it is no 200."""

    def fail(_method, _table):
        raise StorageUnavailable("storage is gone")

    tables.before = fail

    assert await answer(_question("GOOD")) == (200, {"charging_allowed": False, "reason": "UNAUTHORIZED_RFID_TAG_ID"})
    assert await answer(_question("GOOD"), OnFailure.ALLOW) == (200, {"charging_allowed": True})
    assert await answer(_question("GOOD"), OnFailure.ERROR) == (503, {})
    assert "source=deadline rule=on-failure-deny" in caplog.text


async def test_an_answer_by_the_rules_leaves_a_row_and_no_line(answer, tables, recorder, caplog):
    """Its row has the tag; no log has."""
    caplog.set_level(logging.DEBUG)
    await answer(_question("good"))
    await recorder.flush(within(1))

    (table,) = (name for name in await tables.list_tables() if name.startswith("AuthDecisions"))
    assert [(row["id_tag"], row["allowed"]) for row in tables.rows(table)] == [("GOOD", True)]
    assert "GOOD" not in caplog.text.upper()
