"""What must hold of the workbook. Each check gives its problems, none where all is well."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.infra.posture import Files
from tests.infra.reading import INFRA, Expression, at, resources

SHOWN = {
    *("events", "lag", "batches", "retries", "quarantine"),
    *("taps", "tap durations", "poll runs", "gaps", "operations"),
}
"""What the workbook must have, by the names of its parts."""

TYPES = {1: "json", 3: "query", 9: "parameters", 10: "metrics"}
"""Kinds of parts, by the number that Azure gives them, with the property that only its kind has."""


def problems(files: Files, workbook: str) -> list[str]:
    """Everything that is wrong with the workbook; what its queries ask for is queries.py's."""
    items = json.loads(workbook)["items"]
    return [*_parts(items), *_workspace(items), *_made(files, workbook)]


def workbook_on_disk() -> str:
    """infra/workbook.json."""
    return (INFRA / "workbook.json").read_text(encoding="utf-8")


def queries(workbook: str) -> dict[str, str]:
    """The workbook's queries by the names of their parts."""
    return {
        item["name"]: item["content"]["query"]
        for item in json.loads(workbook)["items"]
        if "query" in item.get("content", {})
    }


def _parts(items: list[dict[str, Any]]) -> Iterator[str]:
    names = [item["name"] for item in items]
    yield from (f"the workbook does not show {name}" for name in sorted(SHOWN - set(names)))
    if len(set(names)) != len(names):
        yield "two parts of the workbook have one name"
    for item in items:
        if [kind for kind, own in TYPES.items() if own in item["content"]] != [item["type"]]:
            yield f"the workbook's part {item['name']} is not of the type {item['type']}"


def _workspace(items: list[dict[str, Any]]) -> Iterator[str]:
    for item in items:
        if "query" not in item["content"]:
            continue
        if at(item, "content.crossComponentResources") != ["<workspace-id>"]:
            yield f"the workbook's part {item['name']} asks another workspace"
        if at(item, "content.queryType") != 0 or at(item, "content.version") != "KqlItem/1.0":
            yield f"the workbook's part {item['name']} asks in another language"


def _made(files: Files, workbook: str) -> Iterator[str]:
    made = files["modules/workbook.bicep"].text
    for placeholder in sorted(set(re.findall(r"<[a-z]+-id>", workbook))):
        if f"'{placeholder}'" not in made:
            yield f"the workbook's {placeholder} is not replaced"
    for resource in resources(files, "Microsoft.Insights/workbooks"):
        if resource.get("properties.sourceId") != Expression("componentId"):
            yield "the workbook stands in another list"
