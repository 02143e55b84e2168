"""`emabler account check`: the key, its permissions, and what eMabler pushes."""

import httpx
import pytest

from ops.account_findings import NEEDED_MESSAGE_TYPES
from tests.ops.accounts import CHARGER, AccountHolder
from tests.shared.emabler.rest.support import VERSIONS

CHARGERS = "/base/v2/chargers"
SESSIONS = {"v1": "/base/statistics/transactions", "v2": "/base/v3/transactions"}
SITES = "/base/v2/sites"
PUSH = "/base/v2/push-integrations/configurations"
V2_PERMISSIONS = {
    "ReadChargers": CHARGERS,
    "ReadSessions": SESSIONS["v2"],
    "ReadSites": SITES,
    "ReadIntegrations": PUSH,
}


def _page(*items, total=None):
    total = len(items) if total is None else total
    return {"items": items, "page": 1, "totalRecords": total, "hasNextPage": total > len(items)}


def _integration(*, enabled=True, on=NEEDED_MESSAGE_TYPES, off=("RealTimeAuth",), **fields):
    messages = [
        {"messageType": name, "enabled": name in on, "additionalDetails": "SECRET-DETAILS"} for name in (*on, *off)
    ]
    endpoint = {"id": 5, "endpointType": "ServiceBus", "connectionDetails": "SECRET-ENDPOINT", "messages": messages}
    return {"id": 3, "name": "To Azure", "enabled": enabled, "endpoints": [endpoint]} | fields


@pytest.fixture
def holder(monkeypatch, tmp_path):
    """Somebody with an account of v2 that is as it should be, with 1,234 chargers."""
    holder = AccountHolder(monkeypatch, tmp_path, "v2")
    holder.emabler.says(CHARGERS, _page(CHARGER["v2"], total=1234))
    holder.emabler.says(SESSIONS["v2"], _page())
    holder.emabler.says(SITES, _page({"id": 12, "name": "Harbour"}))
    holder.emabler.says(PUSH, {"configurations": [_integration()]})
    return holder


@pytest.fixture
def holder_v1(monkeypatch, tmp_path):
    """Somebody with an account of v1 that is as it should be."""
    holder = AccountHolder(monkeypatch, tmp_path, "v1")
    holder.emabler.says(SESSIONS["v1"], {"results": []})
    holder.sees()
    return holder


def _checked(holder):
    """The exit code and the JSON of a check, which answers whatever it finds."""
    result = holder.types("account", "check", "--json")
    return result.exit_code, httpx.Response(200, text=result.stdout).json()


# ---- v2 ------------------------------------------------------------------------------------------------------------


def test_an_account_that_is_well_is_told_in_whole(holder):
    """With one call for each question, however many chargers there are."""
    exit_code, data = _checked(holder)

    assert (exit_code, data["is_well"], data["problems"]) == (0, True, [])
    assert data["api"] == {"version": "v2", "environment": None, "host": "127.0.0.1:9"}
    assert (data["key"], data["chargers"]) == ("works", 1234)
    assert data["permissions"] == dict.fromkeys(V2_PERMISSIONS, "ok")
    endpoint = data["push"][0]["endpoints"][0]
    assert (endpoint["kind"], endpoint["messages"]["Measurements"]) == ("ServiceBus", True)
    assert endpoint["messages"]["RealTimeAuth"] is False
    assert len(holder.emabler.requests) == 4


def test_people_see_the_same_and_no_secret(holder):
    """What the endpoints connect with stays at eMabler."""
    result = holder.types("account", "check")

    for words in ("v2 at 127.0.0.1:9", "works", "1,234", "ReadIntegrations", "To Azure", "RealTimeAuth", "Nothing to"):
        assert words in result.stdout
    assert "SECRET" not in result.output
    assert "SECRET" not in holder.types("account", "check", "--json").output


def test_the_environment_is_told_with_its_own_host(holder, monkeypatch):
    """Where no address of another stands in for it."""
    monkeypatch.delenv("EMABLER_BASE_URL")
    monkeypatch.setenv("EMABLER_ENVIRONMENT", "staging")
    result = holder.types("account", "check")

    assert "v2 at api-staging.emabler.net (staging)" in result.stdout


def test_chargers_are_counted_where_no_total_is_announced(holder):
    """All of them."""
    items = [CHARGER["v2"] | {"chargerId": f"C{number}"} for number in range(3)]
    holder.emabler.says(CHARGERS, {"items": items, "hasNextPage": False})

    assert _checked(holder)[1]["chargers"] == 3


@pytest.mark.parametrize("permission", V2_PERMISSIONS)
def test_a_permission_that_is_missing_is_told_with_what_to_click(holder, permission):
    """And the others are checked all the same."""
    holder.emabler.says(V2_PERMISSIONS[permission], 403)
    exit_code, data = _checked(holder)

    assert (exit_code, data["key"]) == (7, "works")
    assert data["permissions"] == dict.fromkeys(V2_PERMISSIONS, "ok") | {permission: "missing"}
    assert len(data["problems"]) == 1
    assert permission in data["problems"][0]
    assert "Settings -> Developers -> Add API Key" in data["problems"][0]


def test_a_key_that_is_refused_is_one_problem(holder):
    """Not one for each question."""
    for path in V2_PERMISSIONS.values():
        holder.emabler.says(path, 401)
    exit_code, data = _checked(holder)

    assert (exit_code, data["key"], len(data["problems"])) == (7, "refused", 1)
    assert "EMABLER_API_KEY" in data["problems"][0]
    assert data["permissions"] == dict.fromkeys(V2_PERMISSIONS, "not checked")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (503, "answered 503"),
        (404, "check EMABLER_BASE_URL"),
        (400, "does not take this request"),
        (httpx.Response(200, text="<html>"), "is not JSON"),
        (httpx.ConnectError("no way"), "on the way to eMabler"),
        (httpx.Response(302, headers={"Location": "https://other.example/?code=SECRET"}), "Redirects are not followed"),
    ],
)
def test_one_question_that_fails_stops_no_other(holder, answer, words):
    """What it was about is not checked, and that has to be mended."""
    holder.emabler.says(SITES, answer)
    exit_code, data = _checked(holder)

    assert (exit_code, data["key"]) == (7, "works")
    assert data["permissions"] == dict.fromkeys(V2_PERMISSIONS, "ok") | {"ReadSites": "not checked"}
    assert len(data["problems"]) == 1
    assert words in data["problems"][0]
    assert "SECRET" not in data["problems"][0]


@pytest.mark.parametrize("answer", [503, httpx.ConnectTimeout("no way"), httpx.Response(200, text="<html>")])
def test_where_nothing_answers_the_key_is_not_checked(holder, answer):
    """It may be good."""
    for path in V2_PERMISSIONS.values():
        holder.emabler.says(path, answer)
    exit_code, data = _checked(holder)

    assert (exit_code, data["key"], data["chargers"], data["push"]) == (7, "not checked", None, None)
    assert "Push: not checked." in holder.types("account", "check").stdout


# ---- push ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message_type", NEEDED_MESSAGE_TYPES)
@pytest.mark.parametrize("is_listed", [True, False], ids=["off", "not there"])
def test_a_message_type_that_the_app_uses_and_nobody_sends_is_a_problem(holder, message_type, is_listed):
    """Whether it is switched off or was never set up."""
    on = [name for name in NEEDED_MESSAGE_TYPES if name != message_type]
    holder.emabler.says(PUSH, {"configurations": [_integration(on=on, off=[message_type] if is_listed else [])]})
    exit_code, data = _checked(holder)

    assert exit_code == 7
    assert [problem.partition(",")[0] for problem in data["problems"]] == [f"Push does not send {message_type}"]


def test_what_another_endpoint_or_integration_sends_is_sent(holder):
    """An account may have some that are not this app's; names count without case."""
    first, *others = NEEDED_MESSAGE_TYPES
    integrations = [
        _integration(on=[first.upper()]),
        _integration(id=4, on=others),
        _integration(id=5, enabled=False, on=[]),
    ]
    holder.emabler.says(PUSH, {"configurations": integrations})

    assert _checked(holder)[0] == 0


@pytest.mark.parametrize(
    ("integrations", "words"),
    [
        ([], "Push is not set up"),
        ([_integration(enabled=False)], "Push is switched off"),
        ([_integration(enabled=False), _integration(id=4, on=[])], "Push does not send ChargerState"),
    ],
)
def test_push_that_sends_nothing_is_a_problem(holder, integrations, words):
    """With where it is set."""
    holder.emabler.says(PUSH, {"configurations": integrations})
    exit_code, data = _checked(holder)

    assert exit_code == 7
    assert data["problems"][0].startswith(words)
    assert "Developers -> Push API" in data["problems"][0]


def test_what_emabler_does_not_say_to_be_off_is_no_problem(holder):
    """The switches are no promise of its schema."""
    integration = _integration(enabled=None)
    for message in integration["endpoints"][0]["messages"]:
        del message["enabled"]
    holder.emabler.says(PUSH, {"configurations": [integration]})

    assert _checked(holder)[0] == 0


def test_an_integration_without_endpoints_is_shown(holder):
    """It sends nothing."""
    holder.emabler.says(PUSH, {"configurations": [_integration(endpoints=[])]})
    result = holder.types("account", "check")

    assert (result.exit_code, "none" in result.stdout) == (7, True)
    assert "- Push does not send Measurements" in result.stdout


# ---- v1 ------------------------------------------------------------------------------------------------------------


def test_v1_says_what_it_cannot_tell(holder_v1):
    """Which is no problem: push, and chargers where none is named."""
    exit_code, data = _checked(holder_v1)
    shown = holder_v1.types("account", "check").stdout

    assert (exit_code, data["key"], data["push"], data["chargers"]) == (0, "works", None, None)
    assert data["permissions"] == {"ReadChargers": "not checked", "ReadSessions": "ok"}
    assert "API v1 cannot tell" in shown
    assert "POLL_CHARGER_IDS" in shown


def test_v1_asks_for_a_charger_that_the_settings_name(holder_v1, monkeypatch):
    """The first one."""
    monkeypatch.setenv("POLL_CHARGER_IDS", " , C1, C2")

    assert _checked(holder_v1)[1]["permissions"] == {"ReadChargers": "ok", "ReadSessions": "ok"}
    assert holder_v1.emabler.asked() == ["/base/charger/C1"]


def test_v1_tells_a_named_charger_that_is_not_there(holder_v1, monkeypatch):
    """Its setting has to be mended."""
    monkeypatch.setenv("POLL_CHARGER_IDS", "C9")
    exit_code, data = _checked(holder_v1)

    assert (exit_code, data["permissions"]["ReadChargers"]) == (7, "not checked")
    assert "it has no charger C9" in data["problems"][0]
    assert "POLL_CHARGER_IDS" in data["problems"][0]


def test_v1_says_whom_to_ask_for_a_permission(holder_v1):
    """Its keys come from eMabler's support."""
    holder_v1.emabler.says(SESSIONS["v1"], 403)
    exit_code, data = _checked(holder_v1)

    assert (exit_code, data["permissions"]["ReadSessions"]) == (7, "missing")
    assert "Ask eMabler's support" in data["problems"][0]


@pytest.mark.parametrize("version", VERSIONS)
def test_without_a_key_it_is_said_what_to_set(monkeypatch, tmp_path, version):
    """Nothing is asked."""
    holder = AccountHolder(monkeypatch, tmp_path, version)
    monkeypatch.delenv("EMABLER_API_KEY")
    result = holder.types("account", "check")

    assert (result.exit_code, holder.emabler.requests) == (7, [])
    assert "Set EMABLER_API_KEY" in result.stderr
