"""`emabler charger ...`: add one, and see whether it is connected."""

import httpx
import pytest

from ops.charger_ids import checked_charger_id
from ops.charger_view import ago
from ops.exits import InputProblems
from shared.instants import TICKS_PER_SECOND, Instant
from tests.ops.accounts import CHARGER, CHARGER_PATH, ERRORS, AccountHolder
from tests.shared.emabler.rest.support import VERSIONS

ADD = ["charger", "add", "C1", "--site", "12", "--name", "North"]
ADD_PATH = "/base/charger/add/C1/12"
NOW = Instant.from_iso("2026-11-21T12:00:00.0000000Z")


@pytest.fixture
def terminal(monkeypatch):
    """Makes standard input somebody who can be asked."""
    monkeypatch.setattr("ops.output.is_interactive", lambda: True)


@pytest.fixture(params=VERSIONS)
def holder(request, monkeypatch, tmp_path):
    """Somebody with an account, of each version of the API."""
    return AccountHolder(monkeypatch, tmp_path, request.param)


@pytest.fixture
def holder_v1(monkeypatch, tmp_path):
    """Somebody whose API can add chargers; eMabler takes C1 at site 12."""
    holder = AccountHolder(monkeypatch, tmp_path, "v1")
    holder.emabler.says(ADD_PATH, "C1")
    return holder


@pytest.fixture
def _soon(monkeypatch):
    """Looks follow each other at once."""
    monkeypatch.setattr("ops.charger_wait.LOOK_EVERY_SECONDS", 0.001)


# ---- ids -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("charger_id", ["C1", "a-b_c.d:e", "0" * 48])
def test_an_id_that_ocpp_and_urls_can_hold_is_fit(charger_id):
    """As it is: nothing is cut off or changed."""
    assert checked_charger_id(charger_id) == charger_id


@pytest.mark.parametrize(
    ("charger_id", "problem"),
    [
        ("C 1", "a space (U+0020), which is character 2"),
        ("C1/2", "'/' (U+002F), which is character 3"),
        ("Käyrä", "'ä' (U+00E4), which is character 2"),
        ("C1\n", "a hidden character (U+000A), which is character 3"),
        ("\u0421123", "'\u0421' (U+0421), which is character 1"),
        ("x" * 49, "49 characters"),
        ("..", "a letter or a digit"),
        ("", "a letter or a digit"),
    ],
)
def test_an_unfit_id_is_told_what_is_wrong_with_it(charger_id, problem):
    """Also where a character cannot be seen, or looks like another one."""
    with pytest.raises(InputProblems) as caught:
        checked_charger_id(charger_id)

    assert problem in str(caught.value)


# ---- add -----------------------------------------------------------------------------------------------------------


def test_a_charger_is_added_where_its_id_is_free(holder_v1):
    """The id is asked for first; and then it is said what to do at the charger."""
    result = holder_v1.types(*ADD, "--yes")

    assert result.exit_code == 0, result.stderr
    assert holder_v1.emabler.asked() == [CHARGER_PATH["v1"]]
    assert holder_v1.emabler.asked("POST") == [ADD_PATH]
    assert holder_v1.emabler.requests[-1].content == b'{"chargerName":"North"}'
    words = " ".join(result.stdout.split())
    assert "set its OCPP id to C1" in words
    assert "`emabler charger status C1 --wait`" in words


def test_scripts_learn_what_was_added(holder_v1):
    """As JSON."""
    data = {"charger_id": "C1", "site_id": "12", "name": "North"}
    assert holder_v1.asks(*ADD, "--dry-run") == data | {"added": False}
    assert holder_v1.emabler.asked("POST") == []
    assert holder_v1.asks(*ADD, "--yes") == data | {"added": True}


def test_an_id_that_is_there_is_not_added_again(holder_v1):
    """It is said where the charger is."""
    holder_v1.sees()
    result = holder_v1.types(*ADD, "--yes")

    assert (result.exit_code, holder_v1.emabler.asked("POST")) == (1, [])
    assert "has the charger C1 already at site Harbour" in result.stderr


@pytest.mark.parametrize(
    "words", [["C 1", "--site", "12", "--name", "N"], ["C1", "--site", " ", "--name", "N"], ["C1", "--site", "12"]]
)
def test_nothing_is_asked_for_what_is_wrong_anyway(holder, words):
    """Neither a person nor eMabler."""
    assert holder.types("charger", "add", *words).exit_code in {1, 2}
    assert holder.emabler.requests == []


@pytest.mark.parametrize(("answer", "exit_code", "posts"), [("y\n", 0, 1), ("n\n", 6, 0), ("\n", 6, 0)])
@pytest.mark.usefixtures("terminal")
def test_a_person_is_asked_before_a_charger_is_added(holder_v1, answer, exit_code, posts):
    """With the place it would be added to."""
    result = holder_v1.types(*ADD, answer=answer)

    assert (result.exit_code, len(holder_v1.emabler.asked("POST"))) == (exit_code, posts)
    assert "Add the charger C1 (North) to site 12 at 127.0.0.1:9 (EMABLER_BASE_URL)?" in result.stderr


def test_without_anybody_to_ask_nothing_is_added(holder_v1):
    """It says how to do it all the same."""
    result = holder_v1.types(*ADD)

    assert (result.exit_code, holder_v1.emabler.asked("POST")) == (6, [])
    assert "--yes" in result.stderr


@pytest.mark.parametrize("words", [ADD, [*ADD, "--dry-run"], [*ADD, "--yes"]])
def test_v2_says_where_chargers_are_added(monkeypatch, tmp_path, words):
    """Before anybody is asked."""
    holder = AccountHolder(monkeypatch, tmp_path, "v2")
    result = holder.types(*words)

    assert (result.exit_code, holder.emabler.requests) == (7, [])
    assert "eMabler Connect" in result.stderr
    assert "EMABLER_API_VERSION to v1" in result.stderr


@pytest.mark.parametrize("lost", [503, 408, httpx.ReadTimeout("late"), httpx.RemoteProtocolError("gone")])
def test_a_write_whose_answer_is_lost_says_how_to_look(holder_v1, lost):
    """It is sent once, because it may have been carried out."""
    holder_v1.emabler.says(ADD_PATH, lost)
    result = holder_v1.types(*ADD, "--yes")

    assert (result.exit_code, len(holder_v1.emabler.asked("POST"))) == (7, 1)
    assert "may have been carried out all the same: look before you repeat it, with" in result.stderr
    assert "`emabler charger status C1`" in result.stderr


def test_a_write_that_never_left_is_in_no_doubt(holder_v1):
    """It is tried again, and then the network is to blame."""
    holder_v1.emabler.says(ADD_PATH, httpx.ConnectError("no way"))
    result = holder_v1.types(*ADD, "--yes")

    assert result.exit_code == 7
    assert "may have been carried out" not in result.stderr
    assert "Is this machine online?" in result.stderr


@pytest.mark.parametrize(
    ("status", "exit_code", "words"),
    [
        (400, 1, "Has it a site 12?"),
        (404, 4, "it has no site 12"),
        (403, 7, "WriteChargers"),
        (401, 7, "EMABLER_API_KEY"),
    ],
)
def test_a_write_that_is_refused_says_why_it_may_be(holder_v1, status, exit_code, words):
    """By what eMabler answered."""
    holder_v1.emabler.says(ADD_PATH, status)
    result = holder_v1.types(*ADD, "--yes")

    assert (result.exit_code, words in result.stderr) == (exit_code, True)


@pytest.mark.parametrize("status", [403, 503])
def test_nothing_is_added_while_nobody_knows_whether_the_id_is_free(holder_v1, status):
    """The look before is no formality."""
    holder_v1.emabler.says(CHARGER_PATH["v1"], status)

    assert holder_v1.types(*ADD, "--yes").exit_code == 7
    assert holder_v1.emabler.asked("POST") == []


# ---- status --------------------------------------------------------------------------------------------------------


def test_a_charger_is_shown_as_it_is_now(holder):
    """With its sockets, as both versions of the API tell them."""
    sockets = [{"id": 0, "socketId": 0, "status": "Available"}, {"id": 1, "socketId": 1, "status": "charging"}]
    last_seen = Instant(Instant.now() - 200 * TICKS_PER_SECOND).iso
    holder.sees(activeConnection=True, lastSeen=last_seen, sockets=sockets)
    data = holder.asks("charger", "status", "C1")
    shown = holder.types("charger", "status", "C1").stdout

    assert (data["charger_id"], data["name"], data["is_connected"]) == ("C1", "North", True)
    assert (data["site_id"], data["site_name"]) == ("12", "Harbour")
    assert (data["model"], data["firmware_version"], data["last_seen"]) == ("Twin", "1.2", "3 min ago")
    assert [(socket["socket_id"], socket["status"]) for socket in data["sockets"]] == [
        ("0", "Available"),
        ("1", "Charging"),
    ]
    for words in ("Harbour (12)", "Acme Twin", "(3 min ago)", "0 (controller)", "Charging"):
        assert words in shown


def test_a_charger_that_was_never_there_is_no_error(holder):
    """It is not waited for, either; and what it sent last, with a tag in it, is not shown."""
    holder.sees()
    result = holder.types("charger", "status", "C1")

    assert result.exit_code == 0
    assert "never" in result.stdout
    assert "No sockets yet" in result.stdout
    assert "SECRETTAG" not in result.output


@pytest.mark.parametrize("status", ERRORS)
def test_each_error_says_what_to_do_and_has_its_code(holder, status):
    """And is no traceback."""
    words, exit_code = ERRORS[status]
    holder.emabler.says(CHARGER_PATH[holder.version], status)
    result = holder.types("charger", "status", "C1")

    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert words in result.stderr


@pytest.mark.parametrize(
    "answer", [httpx.Response(200, text="<html>"), httpx.Response(200, json=[]), httpx.Response(200, json={})]
)
def test_what_is_no_charger_is_a_fault_of_emabler(holder, answer):
    """As where it cannot be reached."""
    holder.emabler.says(CHARGER_PATH[holder.version], answer)

    assert holder.types("charger", "status", "C1").exit_code == 7


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("EMABLER_API_KEY", "", "Set EMABLER_API_KEY"),
        ("EMABLER_API_KEY", "two words", "EMABLER_API_KEY is empty or holds"),
        ("EMABLER_BASE_URL", "http://elsewhere.example/api?code=SECRET", "EMABLER_BASE_URL must be"),
        ("EMABLER_API_VERSION", "v3", "EMABLER_API_VERSION"),
    ],
)
def test_settings_that_lead_nowhere_have_the_code_of_the_account(holder, monkeypatch, setting, value, words):
    """And not of storage, which these commands do not need."""
    monkeypatch.setenv(setting, value)
    result = holder.types("charger", "status", "C1")

    assert (result.exit_code, words in result.stderr) == (7, True)
    assert "SECRET" not in result.stderr


def test_v1_without_a_client_id_says_so(monkeypatch, tmp_path):
    """It is half of its credentials."""
    holder = AccountHolder(monkeypatch, tmp_path, "v1")
    monkeypatch.delenv("EMABLER_CLIENT_ID")
    result = holder.types("charger", "status", "C1")

    assert (result.exit_code, "set EMABLER_CLIENT_ID" in result.stderr) == (7, True)


# ---- status --wait -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_soon")
def test_waiting_ends_when_the_charger_is_connected(holder):
    """What happens until then is said once each: also that eMabler is away for a while."""
    away = [503] * 4
    before, after = (CHARGER[holder.version] | {"activeConnection": is_connected} for is_connected in (False, True))
    holder.emabler.says(CHARGER_PATH[holder.version], before, before, *away, before, after)
    result = holder.types("charger", "status", "C1", "--wait")

    assert result.exit_code == 0
    lines = result.stderr.splitlines()
    assert [line.partition(";")[0] for line in lines if line.startswith("Charger")] == [
        "Charger C1 is not connected",
        "Charger C1 is not connected",
        "Charger C1 is connected.",
    ]
    assert sum("answered 503. Still waiting." in line for line in lines) == 1
    assert "yes" in result.stdout


def test_waiting_heeds_what_emabler_asks_for(holder, monkeypatch):
    """The pause between two looks is as long as Retry-After says, where that is longer than usual."""
    paused_seconds = []

    async def pause(seconds):
        paused_seconds.append(seconds)

    monkeypatch.setattr("ops.charger_wait.sleep", pause)
    too_many = httpx.Response(429, headers={"Retry-After": "90"})
    before, after = (CHARGER[holder.version] | {"activeConnection": is_connected} for is_connected in (False, True))
    holder.emabler.says(CHARGER_PATH[holder.version], too_many, before, after)
    result = holder.types("charger", "status", "C1", "--wait")

    assert (result.exit_code, paused_seconds) == (0, [90.0, 5.0])


def test_waiting_ends_before_a_pause_that_is_longer_than_the_rest(holder):
    """There would be no look after it."""
    holder.emabler.says(CHARGER_PATH[holder.version], httpx.Response(429, headers={"Retry-After": "90"}))

    assert holder.types("charger", "status", "C1", "--wait", "--timeout-minutes", "1").exit_code == 8
    assert len(holder.emabler.requests) == 1


@pytest.mark.usefixtures("_soon")
def test_waiting_in_vain_has_a_code_of_its_own(holder, monkeypatch):
    """And says what to look at."""
    monkeypatch.setenv("POLL_CALLS_PER_RUN", "3")
    holder.sees()
    result = holder.types("charger", "status", "C1", "--wait")

    assert (result.exit_code, len(holder.emabler.requests)) == (8, 3)
    assert "is its OCPP id C1" in result.stderr


@pytest.mark.parametrize(("status", "exit_code"), [(404, 4), (401, 7), (403, 7)])
@pytest.mark.usefixtures("_soon")
def test_what_waiting_does_not_mend_is_not_waited_for(holder, status, exit_code):
    """The first answer ends it."""
    holder.emabler.says(CHARGER_PATH[holder.version], status)

    assert holder.types("charger", "status", "C1", "--wait").exit_code == exit_code
    assert len(holder.emabler.requests) == 1


def test_ctrl_c_ends_the_waiting_cleanly(holder, monkeypatch):
    """With the code that a shell gives it, and no traceback."""

    async def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("ops.charger_wait.sleep", interrupted)
    holder.sees()
    result = holder.types("charger", "status", "C1", "--wait")

    assert (result.exit_code, result.stdout) == (130, "")
    assert "Traceback" not in result.stderr


# ---- words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s ago"),
        (-60, "0 s ago"),
        (-300, "in the future: this clock or eMabler's is wrong"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (7200, "2 h ago"),
        (86_400, "1 day ago"),
        (3_000_000, "34 days ago"),
    ],
)
def test_how_long_ago_is_said_in_the_largest_unit(seconds, words):
    """A few seconds in the future are two clocks, and no news."""
    assert ago(Instant(NOW - seconds * TICKS_PER_SECOND), NOW) == words


def test_never_is_a_word():
    """It is no time long ago."""
    assert ago(None, NOW) == "never"
