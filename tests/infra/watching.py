"""What must hold of the alerts. Each check gives its problems, none where all is well."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.infra.posture import Files
from tests.infra.reading import Expression, Resource, resources, texts_in


class BusAlert(NamedTuple):
    """An alert on a metric of the bus."""

    severity: int
    metric: str
    aggregation: str
    threshold: int
    """It must be passed."""
    window: str
    frequency: str


class AppAlert(NamedTuple):
    """An alert on telemetry."""

    severity: int
    window: str
    frequency: str
    steps: tuple[str, ...]
    """The whole query: a word changed in any of them can make the alert blind."""


BUS_ALERTS = {
    "dead-letters": BusAlert(1, "DeadletteredMessages", "Maximum", 0, "PT5M", "PT5M"),
    "queue-not-empty": BusAlert(2, "ActiveMessages", "Minimum", 0, "PT30M", "PT5M"),
    "bus-throttles": BusAlert(3, "ThrottledRequests", "Total", 0, "PT15M", "PT5M"),
}

APP_ALERTS = {
    "taps-fail": AppAlert(
        1,
        "PT15M",
        "PT5M",
        (
            "union AppRequests, AppMetrics",
            'where ${tapDoors} or Name == "emabler.taps"',
            (
                'extend undecided = tostring(Properties.answer) == "failed"'
                ' or tostring(Properties.rule) startswith "on-failure-"'
            ),
            (
                "summarize errors = sumif(ItemCount, toint(ResultCode) >= 500),"
                ' fallbacks = sumif(Sum, Name == "emabler.taps" and undecided)'
            ),
            "where errors > 0 or fallbacks > 0",
        ),
    ),
    "taps-locked-out": AppAlert(
        1,
        "PT30M",
        "PT5M",
        (
            "AppMetrics",
            'where Name in ("emabler.callers.refused", "emabler.taps")',
            (
                'summarize refused = sumif(Sum, Name == "emabler.callers.refused"),'
                ' answered = sumif(Sum, Name == "emabler.taps")'
            ),
            "where refused >= 3 and answered == 0",
        ),
    ),
    "taps-slow": AppAlert(
        2,
        "PT15M",
        "PT5M",
        (
            "AppDependencies",
            'where Name == "answer tap"',
            "summarize taps = sum(ItemCount), p95_ms = percentilew(DurationMs, ItemCount, 95)",
            "where taps >= 5 and p95_ms > ${tapP95BudgetMs}",
        ),
    ),
    "push-gaps": AppAlert(
        2,
        "PT30M",
        "PT15M",
        ("AppMetrics", 'where Name == "emabler.push.gaps"', "summarize arg_max(TimeGenerated, Max)", "where Max > 0"),
    ),
    "quarantine-grows": AppAlert(
        2,
        "PT1H",
        "PT15M",
        (
            "AppMetrics",
            'where Name == "emabler.push.quarantined"',
            "summarize quarantined = sum(Sum)",
            "where quarantined > ${quarantinedPerHour}",
        ),
    ),
    "reconciliation-drifts": AppAlert(
        3,
        "PT6H",
        "PT1H",
        (
            "AppMetrics",
            'where Name == "emabler.reconciliation.unexplained"',
            "summarize unexplained = sum(Sum)",
            "where unexplained > 0",
        ),
    ),
    "polls-silent": AppAlert(
        2,
        "PT1H",
        "PT15M",
        (
            "union AppRequests, AppMetrics",
            (
                "extend kind = case("
                'Name == "emabler.poll.runs" and tostring(Properties.outcome) == "succeeded" and Sum > 0,'
                ' tostring(Properties.kind), Name has "poll_chargers" and Success, "chargers",'
                ' Name has "poll_statistics" and Success, "sessions", "")'
            ),
            'summarize chargers = countif(kind == "chargers"), sessions = countif(kind == "sessions")',
            "where chargers < 1 or sessions < 1",
        ),
    ),
    "kafka-gives-back": AppAlert(
        2,
        "PT15M",
        "PT5M",
        (
            "AppMetrics",
            'where Name == "emabler.ingest.duration" and tostring(Properties.outcome) == "given_back"',
            "summarize given_back = sum(ItemCount)",
            "where given_back > 0",
        ),
    ),
    "kafka-silent": AppAlert(
        2,
        "PT6H",
        "PT1H",
        (
            "AppMetrics",
            'summarize told = countif(Name == "emabler.push.events" and tostring(Properties.transport) == "kafka")',
            "where told < 1",
        ),
    ),
}

DEPENDING = {"pollRules": ["polls-silent"], "kafkaRules": ["kafka-gives-back", "kafka-silent"]}
"""The alerts that are there only with what they watch."""

TAP_DOORS = (
    'Name has_any ("realtime_auth", "realtime-auth", "push_webhook") or Url has_any ("/api/realtime-auth", "/api/push")'
)
ROOT_KEY = "Microsoft.ServiceBus/namespaces/authorizationRules/listKeys/action"
LONGEST_SHORT_NAME = 12
"""Azure's limit; mails and messages begin with it."""

EVERY_ALERT = {
    "description": Expression("rule.description"),
    "severity": Expression("rule.severity"),
    "enabled": True,
    "autoMitigate": True,
    "evaluationFrequency": Expression("rule.frequency"),
    "windowSize": Expression("rule.window"),
}
EVERY_BUS_ALERT = EVERY_ALERT | {
    "scopes": [Expression("namespaceId")],
    "odata.type": "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
    "name": Expression("rule.name"),
    "criterionType": "StaticThresholdCriterion",
    "metricNamespace": "Microsoft.ServiceBus/namespaces",
    "metricName": Expression("rule.metric"),
    "timeAggregation": Expression("rule.aggregation"),
    "operator": "GreaterThan",
    "threshold": Expression("rule.threshold"),
    "dimensions": [{"name": "EntityName", "operator": "Include", "values": [Expression("queueName")]}],
    "skipMetricValidation": True,
}
EVERY_APP_ALERT = EVERY_ALERT | {
    "scopes": [Expression("workspaceId")],
    "displayName": Expression("'eMabler: ${rule.name}'"),
    "skipQueryValidation": True,
    "query": Expression(r"join(rule.steps, '\n| ')"),
    "timeAggregation": "Count",
    "operator": "GreaterThan",
    "threshold": 0,
    "failingPeriods": {"numberOfEvaluationPeriods": 1, "minFailingPeriodsToAlert": 1},
}
RECEIVERS = {
    "email": "empty(email) ? [] : [ { name: 'mail' emailAddress: email useCommonAlertSchema: true } ]",
    "webhook": "empty(webhookUri) ? [] : [ { name: 'webhook' serviceUri: webhookUri useCommonAlertSchema: true } ]",
}

_ALERTS = "modules/alerts.bicep"


def problems(files: Files) -> list[str]:
    """Everything that is wrong with the alerts."""
    checks = (_bus_rules, _app_rules, _rules_are_used, _root_key, _receivers)
    return [problem for check in checks for problem in check(files)]


def queries(files: Files) -> dict[str, str]:
    """The queries of the alerts by their names."""
    return {rule["name"]: "\n".join(_steps(rule)) for rule in _rules_on_telemetry(files)}


def _bus_rules(files: Files) -> Iterator[str]:
    found = {
        rule["name"]: BusAlert(*(rule.get(field) for field in BusAlert._fields))
        for rule in files[_ALERTS].variables["busRules"]
    }
    yield from _different(found, BUS_ALERTS)


def _app_rules(files: Files) -> Iterator[str]:
    found = {
        rule["name"]: AppAlert(rule["severity"], rule["window"], rule["frequency"], tuple(_steps(rule)))
        for rule in _rules_on_telemetry(files)
    }
    yield from _different(found, APP_ALERTS)
    if getattr(doors := files[_ALERTS].variables["tapDoors"], "text", doors) != TAP_DOORS:
        yield f"the doors by which taps come are {doors}"
    for rules, names in DEPENDING.items():
        if [rule["name"] for rule in files[_ALERTS].variables[rules]] != names:
            yield f"of {rules} are not {names} alone"


def _different(found: dict[str, Any], wanted: dict[str, Any]) -> Iterator[str]:
    for name in sorted(found.keys() ^ wanted.keys()):
        yield f"the alert {name} is {'not known' if name in found else 'missing'}"
    for name in found.keys() & wanted.keys():
        for field, value in found[name]._asdict().items():
            if value != getattr(wanted[name], field):
                yield f"the alert {name} has the {field} {value}, not {getattr(wanted[name], field)}"


def _rules_on_telemetry(files: Files) -> list[dict[str, Any]]:
    variables = files[_ALERTS].variables
    return [*variables["appRules"], *(rule for rules in DEPENDING for rule in variables[rules])]


def _steps(rule: dict[str, Any]) -> list[str]:
    """Of each step its text; one with something put in is read with its quotes."""
    return [text.strip("'") for text in texts_in(rule["steps"])]


def _rules_are_used(files: Files) -> Iterator[str]:
    """The tables of rules are what the alerts are made of, each is on, and each is told to the group."""
    text = files[_ALERTS].text
    of_app = "for rule in concat(appRules, pollsEmabler ? pollRules : [], readsKafka ? kafkaRules : []):"
    for loop in ("for rule in busRules:", of_app):
        if loop not in text:
            yield f"no alerts are made {loop}"
    for kind, wanted in (("metricAlerts", EVERY_BUS_ALERT), ("scheduledQueryRules", EVERY_APP_ALERT)):
        for alert in resources(files, f"Microsoft.Insights/{kind}"):
            said = _said(alert)
            wrong = sorted(key for key in said.keys() | wanted.keys() if said.get(key) != wanted.get(key))
            if wrong:
                yield f"{kind} do not say what the rules say: {wrong}"
            if "group.id" not in texts_in(alert.get("properties.actions")):
                yield f"{kind} tell nobody"


def _said(alert: Resource) -> dict[str, Any]:
    """The properties of an alert, with those of its one condition beside them, without whom it tells."""
    said: dict[str, Any] = alert.get("properties") or {}
    criteria = said.get("criteria", {})
    conditions = criteria.get("allOf", [])
    inner = conditions[0] if len(conditions) == 1 else {"allOf": conditions}
    outer = {key: value for key, value in (said | criteria).items() if key not in {"criteria", "allOf", "actions"}}
    return outer | inner


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
        if alert.get("properties.scopes") != [Expression("namespaceId")]:
            yield "the root key of something else is watched"
        if "group.id" not in texts_in(alert.get("properties.actions")):
            yield "nobody is told that the root key was listed"
        if not str(alert.get("properties.description")).startswith("Severity 1: "):
            yield "the alert of the root key does not tell its severity"


def _receivers(files: Files) -> Iterator[str]:
    for group in resources(files, "Microsoft.Insights/actionGroups"):
        if group.get("properties.enabled") is not True:
            yield "the group of operators is off"
        if not 1 <= len(str(group.get("properties.groupShortName") or "")) <= LONGEST_SHORT_NAME:
            yield "the short name of the group is not one that Azure takes"
        for kind, wanted in RECEIVERS.items():
            if " ".join(" ".join(texts_in(group.get(f"properties.{kind}Receivers"))).split()) != wanted:
                yield f"nobody is told by {kind}"
