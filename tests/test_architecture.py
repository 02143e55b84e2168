"""The rules of the house that no linter knows: which room may ask which, and how long a module gets."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

ALLOWED = {
    "function_app": {"handlers", "shared"},
    "handlers": {"shared"},
    "shared": {"shared"},
    "ops": {"ops", "shared"},
    "local": {"local", "simulator"},
    "simulator": {"simulator"},
    "bench": {"bench", "function_app", "handlers", "local", "shared", "simulator", "tests"},
}
"""Room by room, which of our own packages a module may import beside its own room's."""

PURE = [
    "shared/events.py",
    "shared/instants.py",
    *(
        f"shared/emabler/{name}.py"
        for name in ("bodies", "measuring", "push", "push_messages", "realtime_auth", "times", "vocabulary")
    ),
    *(
        f"shared/emabler/rest/{name}.py"
        for name in ("addresses", "answers", "errors", "faults", "fields", "limits", "listings", "paging", "reading")
    ),
    "shared/emabler/rest/requests.py",
    *(
        f"shared/ingest/{name}.py"
        for name in ("changes", "drift", "fragments", "plan", "quarantine", "rows", "sessions", "status", "words")
    ),
    *(
        f"shared/polling/{name}.py"
        for name in ("gaps", "joining", "ledger", "seen", "sessions_told", "statistics", "statuses", "windows")
    ),
    "shared/health/report.py",
    "shared/kafka.py",
    *(
        f"shared/authorization/{name}.py"
        for name in ("decisions", "hours", "near_misses", "rules", "tag_rows", "tags", "unknown_tags")
    ),
]
IO_PACKAGES = {"azure", "aiohttp", "httpx", "asyncio", "socket", "logging", "opentelemetry"}
OUR_PACKAGES = set(ALLOWED) | {"tests"}


def _modules(*places):
    for place in places:
        path = ROOT / place
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from [node.module] if node.module != "shared" else [f"shared.{alias.name}" for alias in node.names]


@pytest.mark.parametrize("room", ALLOWED)
def test_imports_point_one_way(room):
    """function_app -> handlers -> shared, and nothing that is deployed imports what is not."""
    modules = list(_modules(room if (ROOT / room).is_dir() else f"{room}.py"))
    assert modules, f"there is no room {room}"

    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules
        for name in _imports(path)
        if (package := name.split(".")[0]) in OUR_PACKAGES and package not in ALLOWED[room] | {room}
    ]

    assert wrong == []


def test_what_decides_does_no_io():
    """Reading, planning and merging import no Azure package, no client and no event loop."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in _modules(*PURE)
        for name in _imports(path)
        if name.split(".")[0] in IO_PACKAGES
        or name.startswith(
            ("shared.tables.client", "shared.tables.writing", "shared.tables.merging", "shared.telemetry")
        )
    ]

    assert wrong == []


def test_the_vendors_language_is_spoken_in_one_room():
    """Only `shared/emabler` knows eMabler's field names, and few ask it: who reads a body, and who says a refusal.

    Its REST API is asked by polling, and by operators' commands, alone.
    """
    askers = {
        str(path.relative_to(ROOT))
        for path in _modules("shared", "handlers")
        if "shared/emabler" not in str(path)
        for name in _imports(path)
        if name.startswith("shared.emabler")
        and not (name.startswith("shared.emabler.rest") and path.parent.name == "polling")
    }

    assert askers == {
        "shared/ingest/plan.py",
        "shared/openapi.py",
        "shared/webhook/reading.py",
        *(f"shared/authorization/{name}.py" for name in ("authorizer", "rules", "taps")),
    }


@pytest.mark.parametrize(("room", "most_lines"), [*((room, 300) for room in ALLOWED), ("tests", 450)])
def test_no_module_outgrows_its_reader(room, most_lines):
    """Past 300 lines a module has two subjects; a list of tests may be longer, because nobody reads it whole."""
    long = {
        str(path.relative_to(ROOT)): length
        for path in _modules(room if (ROOT / room).is_dir() else f"{room}.py")
        if "node_modules" not in path.parts and (length := len(path.read_text().splitlines())) > most_lines
    }

    assert long == {}
