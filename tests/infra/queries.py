"""What alerts and workbook ask of the workspace must be what is there. Each check gives its problems."""

import re
from collections.abc import Iterator

from shared.telemetry import METRICS
from tests.infra.reading import ROOT

EVERY_TABLE = {
    *("TimeGenerated", "Name", "ItemCount", "Properties"),
    *("AppRoleName", "AppRoleInstance", "AppVersion", "OperationId", "OperationName", "ParentId", "SDKVersion"),
}
"""Columns that each of the tables has that Application Insights writes."""

TABLES = {
    "AppMetrics": {"Sum", "Min", "Max"},
    "AppRequests": {"Id", "Url", "Success", "ResultCode", "DurationMs", "PerformanceBucket", "Source"},
    "AppDependencies": {
        *("Id", "Target", "DependencyType", "Data", "Success", "ResultCode", "DurationMs", "PerformanceBucket"),
    },
}
"""Each table's own columns (learn.microsoft.com, "Azure Monitor Logs table reference")."""

WORDS = {
    *("let", "union", "where", "summarize", "by", "extend", "project", "order", "asc", "desc"),
    *("and", "or", "in", "has", "has_any", "startswith", "true", "false"),
}
"""Words of the query language that name no column and are no function."""

_WORD = r"(?<![\w.$])[A-Za-z_]\w*(?!\w*\()"
_OWN_NAMES = r"(?:\blet )?\b(\w+) =(?![=~])|\(([\w, ]+)\) =(?![=~])"


def problems(queries: dict[str, str]) -> list[str]:
    """Everything that a query, by its name, asks for and nobody tells."""
    spans = spans_of_the_app()
    found = []
    for where, query in queries.items():
        found += [f"{where}: {problem}" for check in (_metrics, _columns) for problem in check(query)]
        if "AppDependencies" in query:
            found += [f"{where}: {problem}" for problem in _spans(query, spans)]
    return found


def spans_of_the_app() -> set[str]:
    """The names of the app's spans, up to the first that is put in."""
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "shared").rglob("*.py"))
    return {name.split("{")[0] for name in re.findall(r'\bspan\(f?"([^"]+)"', sources)}


def _metrics(query: str) -> Iterator[str]:
    """Metrics and their attributes are asked for as the app names them."""
    metrics = {metric.name: set(metric.attributes) for metric in METRICS}
    named = re.findall(r'"(emabler\.[\w.]+)"', query)
    yield from (f"there is no metric {name}" for name in named if name not in metrics)
    attributes = set().union(*(metrics.get(name, set()) for name in named))
    for attribute in re.findall(r"Properties\.(\w+)", query):
        if attribute not in attributes:
            yield f"{named} has no attribute {attribute}"


def _spans(query: str, spans: set[str]) -> Iterator[str]:
    for name in re.findall(r'Name (?:==|startswith) "([^"]+)"', query):
        if not any(span.startswith(name) for span in spans):
            yield f"there is no span {name}"


def _columns(query: str) -> Iterator[str]:
    """Every name is a column of the tables that are asked, or one that the query makes itself."""
    bare = re.sub(r'"[^"]*"|\$\{\w+\}', '""', query)
    words = set(re.findall(_WORD, bare))
    asked = words & TABLES.keys()
    if not asked:
        yield "no table is asked"
    made = {name for pair in re.findall(_OWN_NAMES, bare) for names in pair for name in re.findall(r"\w+", names)}
    columns = EVERY_TABLE.union(*(TABLES[table] for table in asked))
    yield from (f"there is no column {name}" for name in sorted(words - asked - made - columns - WORDS))
