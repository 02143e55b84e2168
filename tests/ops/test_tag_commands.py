"""`emabler tags ...` as an operator types it: lists, single tags, the inbox."""

import asyncio
import logging

import orjson
import pytest

from ops.tag_csv import read_tag_file
from shared.authorization.lists import Lists, list_table
from shared.authorization.registry import TAGS
from shared.authorization.tag_rows import tag_row
from shared.authorization.tags import Tag
from shared.authorization.unknown_tags import UNKNOWN_TAGS
from shared.errors import StorageRefusesAccess, StorageUnavailable
from shared.instants import TICKS_PER_SECOND, Instant
from shared.tables.store import Kind, Operation
from tests.ops.operators import unknown_tag

NOON = Instant.from_iso("2026-11-21T12:00:00.0000000Z")


# ---- Import --------------------------------------------------------------------------------------------------------


def test_an_import_switches_to_the_changed_list(operator):
    """And says what it did."""
    operator.imports("id_tag,name", "A,Ada", "B,Bob", "C,Cid")
    answer = operator.asks("tags", "import", operator.file("id_tag,name", "A,Ada", "b,Berta", "D,Dan"), "--yes")

    assert (answer["added"], answer["removed"], answer["unchanged"]) == (["D"], [], 2)
    assert answer["changed"] == [{"id_tag": "B", "columns": ["name"]}]
    assert (answer["switched"], answer["list"]["current"]["tags"]) == (True, 4)
    names = {id_tag: tag["name"] for id_tag, tag in operator.listed().items()}
    assert names == {"A": "Ada", "B": "Berta", "C": "Cid", "D": "Dan"}


def test_a_dry_run_shows_the_plan_and_writes_nothing(operator):
    """For people, too."""
    operator.imports("id_tag", "A", "B")
    before = operator.content()
    result = operator.types("tags", "import", operator.file("id_tag", "A", "C"), "--replace", "--dry-run")

    assert result.exit_code == 0
    assert "The new list would have 2 tags" in result.stdout
    for line in (["added", "1", "C"], ["removed", "1", "B"], ["unchanged", "1"]):
        assert line in [found.split() for found in result.stdout.splitlines()]
    assert operator.content() == before


def test_without_a_terminal_nothing_is_done_unconfirmed(operator):
    """A script has to say --yes."""
    result = operator.types("tags", "import", operator.file("id_tag", "A"))

    assert result.exit_code == 6
    assert "Say --yes" in result.stderr
    assert operator.content() == {}


@pytest.mark.parametrize(("answer", "exit_code"), [("y\n", 0), ("yes\n", 0), ("n\n", 6), ("\n", 6), ("", 6)])
def test_somebody_at_a_terminal_is_asked(operator, terminal, answer, exit_code):
    """And only a yes is one."""
    result = operator.types("tags", "import", operator.file("id_tag", "A"), answer=answer)

    assert result.exit_code == exit_code
    assert "Switch to this list (1 added, 0 changed, 0 removed)? [y/N]" in result.stderr
    assert (operator.pointer() is not None) is (exit_code == 0)


def test_a_file_with_problems_changes_nothing(operator):
    """Every problem is shown, by its line; scripts get them, too."""
    path = operator.file("id_tag,blocked", "A,maybe", "A,no")
    result = operator.types("tags", "import", path, "--yes")
    told = operator.types("tags", "import", path, "--yes", "--json")

    assert (result.exit_code, told.exit_code) == (1, 1)
    assert "line 2: blocked: write yes or no" in result.stderr
    assert "line 3: id_tag: the same tag as in line 2" in result.stderr
    assert [problem["line"] for problem in orjson.loads(told.stdout)["problems"]] == [2, 3]
    assert operator.content() == {}


def test_many_problems_do_not_bury_the_terminal(operator):
    """Scripts get all of them."""
    path = operator.file("id_tag,blocked", *(f"T{number},x" for number in range(300)))

    assert "... and 100 more" in operator.types("tags", "import", path).stderr
    assert len(orjson.loads(operator.types("tags", "import", path, "--json").stdout)["problems"]) == 300


def test_an_import_that_changes_nothing_writes_nothing(operator):
    """No new list is made."""
    operator.imports("id_tag", "A")
    before = operator.content()

    assert operator.asks("tags", "import", operator.file("id_tag", "A"), "--yes")["switched"] is False
    assert operator.content() == before


def test_an_edit_while_somebody_is_asked_is_not_undone(operator, monkeypatch):
    """The import fails and says what to do; its list is gone."""
    operator.imports("id_tag", "A")

    def block_meanwhile(*_, **__):
        edit = Lists(operator.tables).edit("A", lambda _: Tag("A", is_blocked=True), NOON)
        asyncio.get_running_loop().create_task(edit)

    monkeypatch.setattr("ops.output.Output.confirm", block_meanwhile)
    result = operator.types("tags", "import", operator.file("id_tag", *(f"T{number}" for number in range(500))))

    assert result.exit_code == 5
    assert "Run it again" in result.stderr
    assert operator.listed()["A"]["blocked"] is True
    assert len(operator.content()) == 2


def test_a_spoiled_row_is_repaired_by_a_file_that_has_the_tag(operator):
    """And stands in the way of one that does not, which is told with its id."""
    operator.imports("id_tag", "A", "B")
    table = operator.pointer().current.table
    operator.writes(table, Operation(Kind.UPSERT, {**tag_row(Tag("B")), "hours": "whenever"}))

    refused = operator.types("tags", "import", operator.file("id_tag", "C"), "--yes")
    assert (refused.exit_code, "Cannot be read: B\n" in refused.stderr) == (1, True)
    assert operator.types("tags", "show", "B").exit_code == 1
    assert "The row of B cannot be read" in operator.types("tags", "list").stderr

    assert operator.asks("tags", "import", operator.file("id_tag", "B"), "--yes")["repaired"] == ["B"]
    assert set(operator.listed()) == {"A", "B"}


def test_old_lists_that_nobody_uses_are_dropped_by_an_import(operator):
    """A list a day old that an import left behind when it was killed."""
    old = list_table(Instant(NOON - 3 * 365 * 86_400 * TICKS_PER_SECOND))
    operator.imports("id_tag", "A")
    operator.writes(old, Operation(Kind.INSERT, tag_row(Tag("OLD"))))
    switched_at = Instant(operator.pointer().current.switched_at - 3600 * TICKS_PER_SECOND)
    (pointer,) = operator.tables.rows(TAGS)
    operator.writes(TAGS, Operation(Kind.UPSERT, {**pointer, "switched_at": switched_at}))

    result = operator.types("tags", "import", operator.file("id_tag", "B"), "--yes")

    assert f"Dropped {old}" in result.stderr
    assert old not in operator.content()


# ---- Roll back, list, export ---------------------------------------------------------------------------------------


def test_a_rollback_brings_the_list_before_back_and_a_second_undoes_it(operator):
    """Nothing is lost by either."""
    operator.imports("id_tag", "A")
    operator.imports("id_tag", "B")

    assert operator.asks("tags", "rollback", "--dry-run")["switched"] is False
    assert set(operator.listed()) == {"B"}
    assert operator.asks("tags", "rollback")["switched"] is True
    assert set(operator.listed()) == {"A"}
    assert operator.types("tags", "rollback").exit_code == 0
    assert set(operator.listed()) == {"B"}


@pytest.mark.parametrize("words", [["rollback"], ["rollback", "--dry-run"], ["list"], ["export", "-"], ["show", "A"]])
def test_without_a_list_there_is_nothing_to_do(operator, words):
    """Which is told."""
    result = operator.types("tags", *words)

    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr


def test_an_export_to_where_nothing_can_be_written_says_so(operator):
    """A folder, or a folder that is not there; no traceback."""
    operator.imports("id_tag", "A")
    for place in (operator.folder, operator.folder / "nowhere" / "out.csv"):
        done = operator.types("tags", "export", place)
        assert (done.exit_code, "cannot be written" in done.stderr) == (1, True)


def test_an_export_imports_unchanged(operator):
    """From a file or a pipe; whatever the columns hold, whichever zone is the default then."""
    operator.imports(
        "id_tag,blocked,valid_until,hours,time_zone,allow_sites,note",
        'B,yes,2026-12-31,"Mon 08:00-12:00; Tue 08:00-12:00",Europe/Berlin,S1;S2,"a ""note"", with a comma"',
        "A,no,2026-06-30,,,,Zoë",
    )
    piped = operator.types("tags", "export", "-").stdout_bytes
    path = operator.folder / "out.csv"

    assert operator.asks("tags", "export", path)["tags"] == 2
    assert path.read_bytes() == piped
    assert [row.tag.id_tag for row in read_tag_file(piped, "UTC").tags] == ["A", "B"]
    again = operator.asks("tags", "import", path, "--replace", "--yes", "--time-zone", "Asia/Tokyo")
    assert (again["unchanged"], again["switched"]) == (2, False)


def test_a_list_is_shown_in_order_and_up_to_a_limit(operator):
    """With how many there are."""
    operator.imports("id_tag,name", *(f"T{number:03},N{number}" for number in range(150)))
    result = operator.types("tags", "list", "--limit", "3")

    assert [line.split() for line in result.stdout.splitlines()[-5:-2]] == [[f"T00{n}", f"N{n}"] for n in range(3)]
    assert "3 of 150 tags" in result.stdout
    assert len(operator.asks("tags", "list")["tags"]) == 100


# ---- Single tags ---------------------------------------------------------------------------------------------------


def test_a_tag_is_added_with_all_columns(operator):
    """Also as the first of all; case does not matter afterwards."""
    options = ["--type", "RFID", "--valid-until", "2026-12-31", "--allow-prefixes", "P;Q", "--deny-sites", "S"]
    answer = operator.asks(
        *("tags", "add", " ab12 ", *options, "--hours", "Mon 08:00-12:00", "--time-zone", "Europe/Berlin"),
        *("--name", "Ada", "--note", "[red]x", "--valid-from", "2026-01-01", "--allow-chargers", "C", "--blocked"),
    )
    shown = operator.asks("tags", "show", "AB12")["tag"]

    assert answer == {"before": None, "after": shown, "changed": True}
    assert shown["valid_until"] == "2026-12-31T23:00:00Z"
    assert (shown["allow_prefixes"], shown["deny_sites"], shown["blocked"]) == (["P", "Q"], ["S"], True)
    assert "[red]x" in operator.types("tags", "show", "ab12").stdout


def test_a_tag_that_is_there_is_replaced_only_on_request(operator):
    """Whole, but for its block."""
    operator.asks("tags", "add", "A", "--note", "old")
    operator.asks("tags", "block", "A")

    assert operator.types("tags", "add", "A", "--name", "Ada").exit_code == 1
    after = operator.asks("tags", "add", "A", "--name", "Ada", "--replace")["after"]
    assert (after["name"], after["note"], after["blocked"]) == ("Ada", None, True)


def test_blocking_and_unblocking_leave_the_rest(operator):
    """And doing it twice is no error."""
    operator.imports("id_tag,name", "A,Ada")

    assert operator.asks("tags", "block", "a")["changed"] is True
    assert operator.listed()["A"] | {"blocked": False} == operator.asks("tags", "unblock", "A")["after"]
    again = operator.types("tags", "unblock", "A")
    assert (again.exit_code, "There is nothing to change." in again.stdout) == (0, True)
    assert operator.pointer().edits == 3  # the last one, too: an import that runs must learn of it


def test_a_tag_expires_now_or_at_the_end_of_a_day(operator):
    """But not before it became valid."""
    operator.imports("id_tag,valid_from", "A,", "B,2099-01-01")
    now = Instant.now()

    assert operator.asks("tags", "expire", "A")["after"]["valid_until"] >= now.iso[:19]
    dated = operator.asks("tags", "expire", "A", "--at", "2030-06-30", "--time-zone", "Europe/Berlin")
    assert dated["after"]["valid_until"] == "2030-06-30T22:00:00Z"
    assert operator.types("tags", "expire", "B").exit_code == 1
    assert operator.types("tags", "expire", "A", "--at", "soon").exit_code == 1


@pytest.mark.parametrize(
    "words",
    [["add", "NEW"], ["add", "A", "--replace", "--name", "x"], ["block", "A"], ["unblock", "B"], ["expire", "A"]],
)
def test_a_dry_edit_writes_nothing(operator, words):
    """It shows what would be there."""
    operator.imports("id_tag,blocked", "A,no", "B,yes")
    before = operator.content()

    assert operator.asks("tags", *words, "--dry-run")["changed"] is False
    assert "Nothing was changed." in operator.types("tags", *words, "--dry-run").stdout
    assert operator.content() == before


@pytest.mark.parametrize("verb", ["block", "unblock", "expire", "show"])
def test_a_tag_that_is_not_there_is_told(operator, verb):
    """With where to look."""
    operator.imports("id_tag", "A")
    result = operator.types("tags", verb, "B")

    assert (result.exit_code, "emabler tags unknown" in result.stderr) == (4, True)


def test_wrong_columns_of_a_new_tag_are_all_told(operator):
    """By name."""
    result = operator.types("tags", "add", "A", "--valid-from", "soon", "--hours", "never")

    assert result.exit_code == 1
    assert "valid_from: not a date" in result.stderr
    assert "hours: not weekly hours" in result.stderr
    assert operator.content() == {}


# ---- The inbox -----------------------------------------------------------------------------------------------------


@pytest.fixture
def inbox(operator):
    """A list with two tags, and an inbox with two that were tapped in vain, and one that is in the list by now."""
    operator.imports("id_tag", "04A1B2C3", "NOW")
    rows = [
        unknown_tag("C3B2A104", NOON, 2, "C1"),
        unknown_tag("STRANGER", NOON + TICKS_PER_SECOND, 5, "C2", "C3"),
        unknown_tag("NOW", NOON - TICKS_PER_SECOND),
    ]
    operator.writes(UNKNOWN_TAGS, *(Operation(Kind.INSERT, row) for row in rows))
    return operator


def test_the_inbox_shows_the_last_tapped_first_with_hints(inbox):
    """A hint is no match: the tag stays unknown."""
    unknown = inbox.asks("tags", "unknown")["unknown"]

    assert [(tag["id_tag"], tag["taps"], tag["chargers"]) for tag in unknown] == [
        ("STRANGER", 5, ["C2", "C3"]),
        ("C3B2A104", 2, ["C1"]),
        ("NOW", 1, []),
    ]
    assert unknown[1]["hints"] == [{"id_tag": "04A1B2C3", "likeness": "the same with its bytes in the other order"}]
    assert (unknown[1]["first_seen_at"], unknown[2]["is_listed_now"]) == ("2026-11-21T12:00:00Z", True)
    shown = inbox.types("tags", "unknown", "--limit", "2").stdout
    assert "04A1B2C3 (the same with its bytes in the other order)" in shown
    assert "2 of 3 unknown tags" in shown


def test_an_adopted_tag_leaves_the_inbox_for_the_list(inbox):
    """With the columns it is given."""
    inbox.asks("tags", "adopt", "stranger", "--name", "Ada", "--dry-run")
    assert len(inbox.asks("tags", "unknown")["unknown"]) == 3
    inbox.asks("tags", "adopt", "stranger", "--name", "Ada")

    assert inbox.listed()["STRANGER"]["name"] == "Ada"
    assert [tag["id_tag"] for tag in inbox.asks("tags", "unknown")["unknown"]] == ["C3B2A104", "NOW"]


def test_only_what_is_in_the_inbox_can_be_adopted(inbox):
    """A slip of the finger adds nobody."""
    result = inbox.types("tags", "adopt", "STRANGERR")

    assert (result.exit_code, "emabler tags add" in result.stderr) == (4, True)
    assert set(inbox.listed()) == {"04A1B2C3", "NOW"}


def test_a_tag_that_is_in_the_list_by_now_only_leaves_the_inbox(inbox):
    """What the list says of it stays."""
    result = inbox.types("tags", "adopt", "NOW", "--name", "other")

    assert (result.exit_code, "keeps it as it is" in result.stderr) == (0, True)
    assert inbox.listed()["NOW"]["name"] is None
    assert len(inbox.asks("tags", "unknown")["unknown"]) == 2


# ---- Storage, usage ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (StorageUnavailable("table Tags: storage did not answer"), "Is it running"),
        (StorageRefusesAccess("table Tags: storage refuses access", status=403), "Storage Table Data Contributor"),
    ],
)
def test_failing_storage_is_told_with_what_to_do(operator, error, advice):
    """Without a traceback."""

    def fail(*_):
        raise error

    operator.tables.before = fail
    result = operator.types("tags", "list")

    assert (result.exit_code, result.stdout) == (3, "")
    assert advice in result.stderr
    assert "Traceback" not in result.stderr


def test_a_switch_whose_outcome_is_not_known_is_told(operator):
    """It may have happened: the list is kept, and the operator told where to look."""
    operator.imports("id_tag", "A")

    def fail_at_the_switch(method, table):
        if method == "execute" and table == TAGS:
            raise StorageUnavailable("storage is gone")

    operator.tables.before = fail_at_the_switch
    result = operator.types("tags", "import", operator.file("id_tag", "B"), "--yes")

    assert (result.exit_code, "is not known" in result.stderr) == (3, True)
    assert len(operator.content()) == 3


def test_nothing_but_the_tags_is_said_about_a_tag_with_markup(operator):
    """Texts of a list are shown as they are."""
    operator.asks("tags", "add", "A", "--name", "[bold]:smile:[/bold]")

    assert "[bold]:smile:[/bold]" in operator.types("tags", "list").stdout


def test_progress_is_for_terminals_alone(operator):
    """A log of a script has no bars in it."""
    result = operator.types("tags", "import", operator.file("id_tag", "A"), "--yes")

    assert result.stderr == ""
    assert "━" not in result.stdout


@pytest.fixture
def verbose():
    """Takes back what `--verbose` sets for the whole process."""
    rooms = [logging.getLogger(room) for room in ("ops", "shared")]
    before = [(room, room.level, list(room.handlers)) for room in rooms]
    yield
    for room, level, handlers in before:
        room.setLevel(level)
        room.handlers[:] = handlers


def test_what_verbose_says_more_names_no_tag(operator, caplog, verbose):
    """It is what ends up in reports of faults."""
    operator.imports("id_tag", "SECRETTAG")
    result = operator.types("--verbose", "tags", "block", "OTHERTAG")

    assert result.exit_code == 4
    assert [record.name for record in caplog.records] == ["ops.running"]
    assert "NoSuchTag" in caplog.text
    assert "TAG" not in caplog.text
