"""The command as a whole: its help, its settings, its installation, and a day of work on a real table service."""

import asyncio
import importlib
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.exits import ExitCode, exit_code_of, message_of
from ops.main import app
from shared.authorization.registry import TAGS
from shared.errors import ConfigurationError, EmablerError
from shared.tables.client import AzureTables
from simulator.tags import drivers, write_tag_list
from tests.ops.operators import Operator

ROOT = Path(__file__).parents[2]


def _commands(group=app, path=()):
    for command in group.registered_commands:
        yield (*path, command.name or command.callback.__name__.rstrip("_"))
    for part in group.registered_groups:
        yield from _commands(part.typer_instance, (*path, part.name) if part.name else path)


COMMANDS = sorted(_commands())


def _types(*words):
    return CliRunner().invoke(app, words, terminal_width=200)


def test_all_the_commands_are_there():
    """Those that operators were promised."""
    promised = {
        "account": "check",
        "auth": "log shadow why",
        "charger": "add status",
        "deadletters": "list replay",
        "poll": "chargers sessions",
        "quarantine": "list replay show",
        "site": "add",
        "tags": "add adopt block expire export import list rollback show unblock unknown",
    }
    in_groups = [(group, verb) for group, verbs in promised.items() for verb in verbs.split()]
    assert sorted([*in_groups, ("gaps",), ("rebuild",), ("reconcile",)]) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_answers_scripts_and_is_documented(command):
    """With `--json`, and in docs/commands.md."""
    assert "--json" in _types(*command, "--help").stdout
    assert f"`{' '.join(command)}" in (ROOT / "docs/commands.md").read_text()


@pytest.mark.parametrize(
    "command",
    [
        *(("tags", verb) for verb in ("add", "adopt", "block", "expire", "import", "rollback", "unblock")),
        ("quarantine", "replay"),
        ("deadletters", "replay"),
        ("rebuild",),
    ],
    ids=" ".join,
)
def test_every_write_can_be_rehearsed(command):
    """With `--dry-run`."""
    assert "--dry-run" in _types(*command, "--help").stdout


def test_the_exit_codes_are_documented():
    """In the help and in docs/commands.md."""
    shown = " ".join(_types("--help").stdout.split())
    documented = (ROOT / "docs/commands.md").read_text()
    for code in ExitCode:
        assert f"{code.value} " in shown.partition("Exit codes:")[2]
        assert f"| {code.value} |" in documented


def test_every_error_of_ours_has_an_exit_code_and_a_text():
    """Also one that nobody thought of: it is storage's, because all others are the command's own."""
    assert exit_code_of(EmablerError("odd")) is ExitCode.STORAGE_FAILS
    assert message_of(ConfigurationError("Set it.")) == "Set it."


def test_without_settings_the_error_says_what_to_set(monkeypatch):
    """For the local stack and for Azure."""
    for name in ("EventStorage", "EventStorage__tableServiceUri"):
        monkeypatch.delenv(name, raising=False)
    result = _types("tags", "list")

    assert result.exit_code == ExitCode.STORAGE_FAILS
    assert "export EventStorage=UseDevelopmentStorage=true" in result.stderr
    assert "az login" in result.stderr


@pytest.mark.parametrize(
    "words", [["tags", "show"], ["tags", "import", "no-such-file.csv"], ["tags", "list", "--limit", "-1"], ["nonsense"]]
)
def test_wrong_usage_has_its_own_exit_code(words):
    """Nothing is connected to."""
    assert _types(*words).exit_code == ExitCode.WRONG_USAGE


def test_a_wrong_time_zone_is_wrong_usage(tmp_path):
    """It is an option, and no problem of the file."""
    path = tmp_path / "tags.csv"
    path.write_text("id_tag\nA\n")

    assert _types("tags", "import", str(path), "--time-zone", "Berlin").exit_code == ExitCode.WRONG_USAGE


def test_the_installed_command_is_this_one():
    """pyproject.toml names a function that exists."""
    script = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["emabler"]
    module, _, function = script.partition(":")

    assert callable(getattr(importlib.import_module(module), function))


def test_a_fleets_list_on_a_real_table_service(azurite, monkeypatch, tmp_path):
    """Imported, changed, exported, rolled back, on connections of the command's own."""
    monkeypatch.setenv("EventStorage", azurite)
    asyncio.run(_drop_lists(azurite))
    operator = Operator(None, tmp_path)
    listed = write_tag_list(tmp_path / "fleet.csv")
    first, blocked = [driver.id_tag for driver in drivers() if driver.standing.rule in {"allowed", "tag-blocked"}][:2]

    assert operator.asks("tags", "import", tmp_path / "fleet.csv", "--yes")["tags"] == listed
    assert operator.asks("tags", "unblock", min(first, blocked))["changed"] is True
    assert operator.asks("tags", "expire", max(first, blocked))["changed"] is True
    assert operator.asks("tags", "export", tmp_path / "out.csv")["tags"] == listed
    again = operator.asks("tags", "import", tmp_path / "out.csv", "--replace", "--yes")
    assert (again["unchanged"], again["switched"]) == (listed, False)
    assert operator.imports("id_tag", "A")["list"]["previous"]["tags"] == listed
    assert operator.asks("auth", "why", "A", "C1")["allowed"] is True
    assert len(operator.listed()) == 1
    operator.asks("tags", "rollback")
    assert len(operator.listed()) == listed
    assert operator.asks("auth", "log", "--charger", "C1") | {"since": ""} == {"since": "", "answers": []}


async def _drop_lists(connection_string):
    tables = AzureTables.from_connection_string(connection_string)
    for table in await tables.list_tables():
        if table.startswith(TAGS):
            await tables.drop_table(table)
    await tables.close()
