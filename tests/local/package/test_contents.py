"""What is sent to Azure, and what keeps it from being sent."""

import re
from pathlib import Path

import pytest

from local.package.contents import APP_FILES, APP_FOLDERS, LIST, app_files
from local.package.errors import PackageError

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def app(tmp_path):
    """The folder of a small app with our own .funcignore, and beside the app what a working copy has."""
    for path in (
        *(*APP_FILES, "handlers/__init__.py", "handlers/health.py", "shared/__init__.py", "shared/ingest/plan.py"),
        *("README.md", "azure.yaml", ".git/config", ".github/workflows/ci.yml", ".env", ".env.local", ".coverage"),
        *(
            "local.settings.json",
            "local.settings.sample.json",
            ".venv/lib/shared/__init__.py",
            ".azure/production/.env",
        ),
        *("tests/shared/test_plan.py", "ops/main.py", "local/stack/stack.py", "simulator/day.py", "bench/day.py"),
        *("docs/tables.md", "infra/main.bicep", "emabler_azure.egg-info/PKG-INFO", "__pycache__/function_app.pyc"),
        *("shared/__pycache__/plan.pyc", "shared/ingest/__pycache__/plan.pyc", "shared/ingest/.DS_Store"),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / LIST).write_bytes((REPOSITORY / LIST).read_bytes())
    return tmp_path


def test_the_app_is_sent_and_nothing_else(app):
    """No tests, tools, documents, templates, caches, settings or secrets."""
    assert app_files(app) == [
        *("function_app.py", "handlers/__init__.py", "handlers/health.py", "host.json", "requirements.txt"),
        *("shared/__init__.py", "shared/ingest/plan.py"),
    ]


def test_this_repository_sends_what_production_imports():
    """Three files, and the modules of two folders."""
    files = app_files(REPOSITORY)

    assert {path for path in files if "/" not in path} == {"function_app.py", "host.json", "requirements.txt"}
    assert {path.partition("/")[0] for path in files if "/" in path} == {"handlers", "shared"}
    assert all(path.endswith(".py") for path in files if "/" in path)
    assert {"handlers/push_events.py", "shared/settings.py", "shared/emabler/rest/v2.py"} <= set(files)


@pytest.mark.parametrize(
    "stranger", ["notes.txt", "playground/try_out.py", "client.pfx", "shared/customer.csv", "handlers/.secrets"]
)
def test_what_nobody_has_named_is_refused(app, stranger):
    """A new folder or a stray file is neither sent nor left out in silence."""
    (app / stranger).parent.mkdir(exist_ok=True)
    (app / stranger).touch()

    with pytest.raises(PackageError, match=re.escape(stranger)):
        app_files(app)


@pytest.mark.parametrize("lacking", [*APP_FILES, *(f"{folder}/__init__.py" for folder in APP_FOLDERS)])
def test_an_app_that_lacks_a_file_is_refused(app, lacking):
    """Azure would take it, and find 0 functions."""
    (app / lacking).unlink()

    with pytest.raises(PackageError, match=re.escape(f"lacks {lacking}")):
        app_files(app)


def test_a_pattern_that_holds_back_a_module_is_refused(app):
    """The module would be missed when its first event comes."""
    with (app / LIST).open("a") as patterns:
        patterns.write("plan.py\n")

    with pytest.raises(PackageError, match=r"holds back what the app needs: shared/ingest/plan\.py"):
        app_files(app)


def test_without_a_list_nothing_is_sent(app):
    """Else everything would be."""
    (app / LIST).unlink()

    with pytest.raises(PackageError, match=re.escape(LIST)):
        app_files(app)


def test_core_tools_read_the_same_from_the_list(app):
    """What comes through to `func azure functionapp publish` is the app, too."""
    files = (path.relative_to(app).as_posix() for path in app.rglob("*") if path.is_file())
    held_back = _as_core_tools_read((app / LIST).read_text())

    assert sorted(path for path in files if not held_back.match(path)) == app_files(app)


def test_the_list_takes_nothing_back():
    """Until March 2026, azd took `!shared/` for `shared/`: it would have sent an app without functions."""
    assert [line for line in (REPOSITORY / LIST).read_text().splitlines() if line.startswith("!")] == []


def _as_core_tools_read(patterns):
    """The rule of Core Tools' GitIgnoreParser: each pattern is the beginning of a path, and `*` is never empty."""
    lines = (line.strip().removeprefix("/") for line in patterns.splitlines())
    beginnings = (
        re.escape(line).replace(r"\*\*", "(.+)").replace(r"\*", "([^/]+)") for line in lines if line and line[0] != "#"
    )
    return re.compile("|".join(beginnings))
