"""`emabler site add`."""

import asyncio

import httpx
import pytest

from ops.emabler_writes import written
from tests.ops.accounts import AccountHolder
from tests.shared.emabler.rest.support import VERSIONS

ADD = ["site", "add", "Harbour North"]
ADD_PATH = "/base/group/add"


@pytest.fixture
def holder(monkeypatch, tmp_path):
    """Somebody whose API can add sites; eMabler gives the next one the id 77."""
    holder = AccountHolder(monkeypatch, tmp_path, "v1")
    holder.emabler.says(ADD_PATH, httpx.Response(200, text="77"))
    return holder


def test_a_site_is_added_and_its_id_printed(holder):
    """With what can be done next."""
    result = holder.types("site", "add", " Harbour North ", "--yes")

    assert result.exit_code == 0, result.stderr
    assert holder.emabler.requests[0].content == b'{"name":"Harbour North"}'
    assert "77" in result.stdout
    assert "charger add ID --site 77" in result.stdout


def test_scripts_learn_the_id(holder):
    """And that a rehearsal added nothing."""
    assert holder.asks(*ADD, "--dry-run") == {"name": "Harbour North", "site_id": None, "added": False}
    assert holder.emabler.requests == []
    assert holder.asks(*ADD, "--yes") == {"name": "Harbour North", "site_id": "77", "added": True}


@pytest.mark.parametrize(("answer", "exit_code", "posts"), [("yes\n", 0, 1), ("no\n", 6, 0)])
def test_a_person_is_asked_before_a_site_is_added(holder, monkeypatch, answer, exit_code, posts):
    """With the place it would be added to."""
    monkeypatch.setattr("ops.output.is_interactive", lambda: True)
    monkeypatch.delenv("EMABLER_BASE_URL")
    holder.emabler.says("/api/group/add", httpx.Response(200, text="77"))
    result = holder.types(*ADD, answer=answer)

    assert (result.exit_code, len(holder.emabler.requests)) == (exit_code, posts)
    assert "Add the site Harbour North at api.emabler.io (production)?" in result.stderr


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["", "  ", "Har\nbour"])
def test_an_unfit_name_is_told(monkeypatch, tmp_path, version, name):
    """Before anything is asked."""
    holder = AccountHolder(monkeypatch, tmp_path, version)

    assert holder.types("site", "add", name, "--yes").exit_code == 1
    assert holder.emabler.requests == []


@pytest.mark.parametrize("words", [ADD, [*ADD, "--dry-run"], [*ADD, "--yes"]])
def test_v2_says_where_sites_are_added(monkeypatch, tmp_path, words):
    """Before anybody is asked."""
    holder = AccountHolder(monkeypatch, tmp_path, "v2")
    result = holder.types(*words)

    assert (result.exit_code, holder.emabler.requests) == (7, [])
    assert "eMabler Connect" in result.stderr
    assert "EMABLER_API_VERSION to v1" in result.stderr


def test_an_answer_without_an_id_says_how_to_look(holder):
    """The site is there, and adding it again would make a second one."""
    holder.emabler.says(ADD_PATH, httpx.Response(200, text="thanks"))
    result = holder.types(*ADD, "--yes")

    assert (result.exit_code, len(holder.emabler.requests)) == (7, 1)
    assert "look for it in eMabler Connect" in result.stderr


@pytest.mark.parametrize("lost", [500, httpx.ReadError("gone")])
def test_a_write_whose_answer_is_lost_says_how_to_look(holder, lost):
    """It is sent once, because it may have been carried out."""
    holder.emabler.says(ADD_PATH, lost)
    result = holder.types(*ADD, "--yes")

    assert (result.exit_code, len(holder.emabler.requests)) == (7, 1)
    assert "look before you repeat it, in eMabler Connect" in result.stderr


@pytest.mark.parametrize(("status", "exit_code"), [(400, 1), (401, 7), (403, 7), (404, 7)])
def test_a_write_that_is_refused_has_the_code_of_its_error(holder, status, exit_code):
    """Nothing was added then."""
    holder.emabler.says(ADD_PATH, status)

    assert holder.types(*ADD, "--yes").exit_code == exit_code


async def test_who_stops_a_write_is_told_how_to_look(holder):
    """The request may have left."""
    said = []

    class Listener:
        say = staticmethod(said.append)

    task = asyncio.create_task(written(asyncio.Event().wait(), "there", Listener()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert said == ["Stopped. eMabler may have carried it out: look before you repeat it, there."]
