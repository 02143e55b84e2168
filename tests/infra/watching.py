"""What must hold of alerts and workbook. Each check gives its problems, none where all is well."""

import json
import re
from collections.abc import Iterator
from typing import Any

from shared.telemetry import METRICS
from tests.infra.posture import Files
from tests.infra.reading import INFRA, ROOT, Expression, at, resources, texts_in

BUS_ALERTS = {
    "dead-letters": (1, "DeadletteredMessages", "Maximum", 0, "PT5M"),
    "queue-not-empty": (2, "ActiveMessages", "Minimum", 0, "PT30M"),
    "bus-throttles": (3, "ThrottledRequests", "Total", 0, "PT15M"),
}
"""Name: severity, metric, aggregation, the threshold that must be passed, window."""

APP_ALERTS = {
    "taps-fail": (1, "PT15M", "AppRequests", "where failed > 0"),
    "taps-slow": (2, "PT15M", "answer tap", "where taps >= 5 and p95_ms > ${tapP95BudgetMs}"),
    "push-gaps": (2, "PT30M", "emabler.push.gaps", "where Max > 0"),
    "quarantine-grows": (2, "PT1H", "emabler.push.quarantined", "where quarantined > ${quarantinedPerHour}"),
    "reconciliation-drifts": (3, "PT6H", "emabler.reconciliation.unexplained", "where unexplained > 0"),
    "polls-silent": (2, "PT1H", "emabler.poll.runs", "where chargers < 1 or sessions < 1"),
}
"""Name: severity, window, what is looked at, and the last step, which lets rows through where something is wrong."""

ROOT_KEY = "Microsoft.ServiceBus/namespaces/authorizationRules/listKeys/action"
EVERY_ALERT = {
    "enabled": True,
    "severity": Expression("rule.severity"),
    "evaluationFrequency": Expression("rule.frequency"),
    "windowSize": Expression("rule.window"),
}
BUS_CONDITION = {
    "metricNamespace": "Microsoft.ServiceBus/namespaces",
    "skipMetricValidation": True,
    "metricName": Expression("rule.metric"),
    "timeAggregation": Expression("rule.aggregation"),
    "operator": "GreaterThan",
    "threshold": Expression("rule.threshold"),
}
APP_CONDITION = {
    "query": Expression(r"join(rule.steps, '\n| ')"),
    "timeAggregation": "Count",
    "operator": "GreaterThan",
    "threshold": 0,
}
SHOWN = {
    *("events", "lag", "batches", "retries", "quarantine"),
    *("taps", "tap durations", "poll runs", "gaps", "operations"),
}
"""What the workbook must have, by the names of its parts."""

_ALERTS = "modules/alerts.bicep"


def problems(files: Files, workbook: str) -> list[str]:
    """Everything that is wrong with alerts and workbook."""
    found = [*_bus_alerts(files), *_app_alerts(files), *_rules_are_used(files), *_root_key(files), *_receivers(files)]
    return found + list(_workbook(files, workbook)) + list(_names(files, workbook))


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


def _bus_alerts(files: Files) -> Iterator[str]:
    rules = {rule["name"]: rule for rule in files[_ALERTS].variables["busRules"]}
    for name in sorted(rules.keys() ^ BUS_ALERTS.keys()):
        yield f"the alert {name} is {'not known' if name in rules else 'missing'}"
    for name, rule in rules.items():
        found = tuple(rule.get(key) for key in ("severity", "metric", "aggregation", "threshold", "window"))
        if found != BUS_ALERTS.get(name, found):
            yield f"the alert {name} is {found}, not {BUS_ALERTS[name]}"


def _app_alerts(files: Files) -> Iterator[str]:
    rules = {rule["name"]: rule for rule in _app_rules(files)}
    for name in sorted(rules.keys() ^ APP_ALERTS.keys()):
        yield f"the alert {name} is {'not known' if name in rules else 'missing'}"
    for name, rule in rules.items():
        severity, window, subject, last = APP_ALERTS.get(name, (rule["severity"], rule["window"], "", ""))
        if (rule["severity"], rule["window"]) != (severity, window):
            yield f"the alert {name} has severity {rule['severity']} over {rule['window']}"
        steps = [text.strip("'") for text in texts_in(rule["steps"])]
        if subject not in " ".join(steps) or last not in ("", steps[-1]):
            yield f"the alert {name} asks something else: {steps}"


def _app_rules(files: Files) -> list[dict[str, Any]]:
    variables = files[_ALERTS].variables
    return [*variables["appRules"], *variables["pollRules"]]


def _rules_are_used(files: Files) -> Iterator[str]:
    """The tables of rules are what the alerts are made of, each is on, and each is told to the group."""
    text = files[_ALERTS].text
    for loop in ("for rule in busRules:", "for rule in concat(appRules, pollsEmabler ? pollRules : []):"):
        if loop not in text:
            yield f"no alerts are made {loop}"
    for type_, condition, more in (
        ("metricAlerts", BUS_CONDITION, {}),
        ("scheduledQueryRules", APP_CONDITION, {"skipQueryValidation": True}),
    ):
        for alert in resources(files, f"Microsoft.Insights/{type_}"):
            criteria = alert.get("properties.criteria.allOf") or [{}]
            wrong = {key for key, value in condition.items() if criteria[0].get(key) != value}
            wrong |= {key for key, value in (EVERY_ALERT | more).items() if alert.get(f"properties.{key}") != value}
            if wrong:
                yield f"{type_} do not say what the rules say: {sorted(wrong)}"
            if "group.id" not in texts_in(alert.get("properties.actions")):
                yield f"{type_} tell nobody"


def _root_key(files: Files) -> Iterator[str]:
    alerts = resources(files, "Microsoft.Insights/activityLogAlerts")
    watched = [
        condition.get("equals")
        for alert in alerts
        for condition in alert.get("properties.condition.allOf") or []
        if condition.get("field") == "operationName" and alert.get("properties.enabled") is True
    ]
    if watched != [ROOT_KEY]:
        yield f"listing the root key of the bus is not watched, but {watched}"
    for alert in alerts:
        if "group.id" not in texts_in(alert.get("properties.actions")):
            yield "nobody is told that the root key was listed"
        if not str(alert.get("properties.description")).startswith("Severity 1: "):
            yield "the alert of the root key does not tell its severity"


def _receivers(files: Files) -> Iterator[str]:
    for group in resources(files, "Microsoft.Insights/actionGroups"):
        for kind, line in (("email", "emailAddress: email\n"), ("webhook", "serviceUri: webhookUri\n")):
            if line not in " ".join(texts_in(group.get(f"properties.{kind}Receivers"))):
                yield f"nobody is told by {kind}"


def _workbook(files: Files, workbook: str) -> Iterator[str]:
    items = json.loads(workbook)["items"]
    names = [item["name"] for item in items]
    yield from (f"the workbook does not show {name}" for name in sorted(SHOWN - set(names)))
    if len(set(names)) != len(names):
        yield "two parts of the workbook have one name"
    for item in items:
        if "query" in item["content"] and at(item, "content.crossComponentResources") != ["<workspace-id>"]:
            yield f"the workbook's part {item['name']} asks another workspace"
    made = files["modules/workbook.bicep"].text
    for placeholder in sorted(set(re.findall(r"<[a-z]+-id>", workbook))):
        if f"'{placeholder}'" not in made:
            yield f"the workbook's {placeholder} is not replaced"


def _names(files: Files, workbook: str) -> Iterator[str]:
    """Metrics, their attributes and spans are asked for as the app names them."""
    asked = {rule["name"]: "\n".join(texts_in(rule["steps"])) for rule in _app_rules(files)} | queries(workbook)
    metrics = {metric.name: set(metric.attributes) for metric in METRICS}
    spans = _spans()
    for where, query in asked.items():
        named = re.findall(r'"(emabler\.[\w.]+)"', query)
        yield from (f"{where}: there is no metric {name}" for name in named if name not in metrics)
        attributes = set().union(*(metrics.get(name, set()) for name in named))
        for attribute in re.findall(r"Properties\.(\w+)", query):
            if attribute not in attributes:
                yield f"{where}: {named} has no attribute {attribute}"
        if "AppDependencies" in query:
            for name in re.findall(r'Name (?:==|startswith) "([^"]+)"', query):
                if not any(span.startswith(name) for span in spans):
                    yield f"{where}: there is no span {name}"


def _spans() -> set[str]:
    """The names of the app's spans, up to the first that is put in."""
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "shared").rglob("*.py"))
    return {name.split("{")[0] for name in re.findall(r'\bspan\(f?"([^"]+)"', sources)}
