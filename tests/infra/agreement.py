"""Where templates and code name the same thing, they must name it alike. Each check gives its problems."""

import json
import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import annotated_types
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from shared import kafka
from shared.authorization.registry import TAGS
from shared.authorization.unknown_tags import UNKNOWN_TAGS
from shared.ingest.drift import DRIFT
from shared.ingest.quarantine import QUARANTINE, QUARANTINED_BODIES
from shared.ingest.sessions import TRANSACTIONS
from shared.polling.ledger import RECONCILIATION
from shared.polling.statistics import STATISTICS, STATISTICS_BODIES
from shared.settings import Settings
from shared.tables.keys import CHARGER_STATUS, POLL_STATE
from shared.tables.layout import LAYOUT
from tests.infra.posture import QUEUE, STORAGE, Files
from tests.infra.reading import INFRA, ROOT, Expression, Parameter, Template, resources
from tests.infra.wiring import WITH_KAFKA

FIXED_TABLES = {
    CHARGER_STATUS,
    DRIFT,
    LAYOUT,
    POLL_STATE,
    QUARANTINE,
    QUARANTINED_BODIES,
    RECONCILIATION,
    STATISTICS,
    STATISTICS_BODIES,
    TAGS,
    TRANSACTIONS,
    UNKNOWN_TAGS,
}
"""The tables that have one name for ever; those of a month or of a list are the app's to make."""

LAPTOP_ONLY = {"EventStorage", "ServiceBusConnection"}
"""Connection strings: in Azure there is an identity instead."""

SECRET_NAMES = {
    "REALTIME_AUTH_TOKENS": "realtime-auth-tokens",
    "PUSH_WEBHOOK_TOKENS": "push-webhook-tokens",
    "HEALTH_TOKENS": "health-tokens",
    "EMABLER_API_KEY": "emabler-api-key",
    kafka.PASSWORD: "kafka-password",
}

FIELDS: dict[str, FieldInfo] = {str(field.alias): field for field in Settings.model_fields.values()}

_HANDLERS = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "handlers").glob("*.py")}
_QUEUE_PROPERTIES = {
    "lockDuration": "LockDuration",
    "maxDeliveryCount": "MaxDeliveryCount",
    "deadLetteringOnMessageExpiration": "DeadLetteringOnMessageExpiration",
    "requiresDuplicateDetection": "RequiresDuplicateDetection",
    "duplicateDetectionHistoryTimeWindow": "DuplicateDetectionHistoryTimeWindow",
    "requiresSession": "RequiresSession",
}
"""What Azure and the stand-in both say of the queue. Their times to live differ: two weeks are no use on a laptop."""


def problems(files: Files, parameters_file: str) -> list[str]:
    """Everything about which templates, the parameters for azd and code differ."""
    checks = (_setting_names, _secret_references, _tables, _queue, _functions, _setting_parameters, _kafka_words)
    found = [problem for check in checks for problem in check(files)]
    return found + list(_parameters_file(files["main.bicep"], parameters_file))


def parameters_file_on_disk() -> str:
    """infra/main.parameters.json."""
    return (INFRA / "main.parameters.json").read_text(encoding="utf-8")


def _setting_names(files: Files) -> Iterator[str]:
    deployed = set(_own_settings(files))
    read = (set(FIELDS) | _timer_settings() | set(kafka.SETTINGS) | set(WITH_KAFKA)) - LAPTOP_ONLY
    yield from (f"the setting {name} is read, but not deployed" for name in sorted(read - deployed))
    yield from (f"the setting {name} is deployed, but not read" for name in sorted(deployed - read))


def _own_settings(files: Files) -> dict[str, Any]:
    """Those that are always there, and those that are there with a broker."""
    variables = files["main.bicep"].variables
    return variables["ownSettings"] | variables["kafkaSettings"]


def _timer_settings() -> set[str]:
    """The settings that handlers/polling.py reads while the functions are indexed."""
    return set(re.findall(r'schedule\("(\w+)",', _HANDLERS["polling"]))


def _secret_references(files: Files) -> Iterator[str]:
    secret = {name for name, field in FIELDS.items() if SecretStr in get_args(field.annotation)} | {kafka.PASSWORD}
    if secret - LAPTOP_ONLY != set(SECRET_NAMES):
        yield f"the secret settings are {sorted(secret)}"
    for name, value in _own_settings(files).items():
        text = getattr(value, "text", "")
        reference = f"VaultName=${{keyvault.outputs.name}};SecretName={SECRET_NAMES.get(name)})'"
        if (name in SECRET_NAMES) != ("@Microsoft.KeyVault(" in text):
            yield f"the setting {name} is {'no' if name in SECRET_NAMES else 'a'} reference to the vault"
        elif name in SECRET_NAMES and reference not in text:
            yield f"the setting {name} refers to another secret: {text}"


def _tables(files: Files) -> Iterator[str]:
    file = files["modules/storage.bicep"]
    names = file.variables["tables"]
    for name in sorted(set(names) ^ FIXED_TABLES):
        yield f"the table {name} is {'declared, but not used' if name in names else 'used, but not declared'}"
    for table in resources(files, f"{STORAGE}/tableServices/tables"):
        if (table.get("name"), table.get("parent")) != (Expression("table"), Expression("account::tableService")):
            yield "the tables are not those of the list"


def _queue(files: Files) -> Iterator[str]:
    topology = json.loads((ROOT / "local" / "servicebus-topology.json").read_text(encoding="utf-8"))
    local = topology["UserConfig"]["Namespaces"][0]["Queues"][0]
    for queue in resources(files, QUEUE):
        for ours, theirs in _QUEUE_PROPERTIES.items():
            if (value := queue.get(f"properties.{ours}")) != local["Properties"][theirs]:
                yield f"the queue's {ours} is {value}, on the laptop {local['Properties'][theirs]}"
        if queue.get("properties.defaultMessageTimeToLive") != "P14D":
            yield "messages do not wait for two weeks"
    if files["main.bicep"].parameters["pushEventsQueue"].default != local["Name"]:
        yield "the queue has another name than on the laptop"


def _functions(files: Files) -> Iterator[str]:
    """What the templates say of functions and of the trigger's connection."""
    names = set(re.findall(r'function_name\("(\w+)"\)', "".join(_HANDLERS.values())))
    groups = {str(group.get("name")) for group in files["modules/functionapp.bicep"].variables["alwaysReady"]}
    yield from (f"always ready is {group}" for group in sorted(groups - {"http", *(f"function:{n}" for n in names)}))
    connections = set(re.findall(r'connection="(\w+)"', "".join(_HANDLERS.values())))
    settings = {name.split("__")[0] for name in _own_settings(files) if name.endswith("__fullyQualifiedNamespace")}
    if connections != settings:
        yield f"the triggers' connections are {connections}, the deployed {settings}"
    service = re.search(r"^services:\n(?:  #.*\n)*  (\w+):", (ROOT / "azure.yaml").read_text("utf-8"), re.MULTILINE)
    if not service or f"'azd-service-name': '{service[1]}'" not in files["main.bicep"].text:
        yield "azd does not find the app"


def _setting_parameters(files: Files) -> Iterator[str]:
    """A parameter that becomes a setting has the setting's default and bounds."""
    main = files["main.bicep"]
    for name, value in _own_settings(files).items():
        field = FIELDS.get(name)
        parameter = main.parameters.get(re.sub(r"^string\((\w+)\)$", r"\1", getattr(value, "text", "")))
        if field is None or parameter is None:
            continue
        if (parameter.default or None) != (field.default or None):
            yield f"{name} is {parameter.default!r} by default, in the code {field.default!r}"
        words = get_args(field.annotation) if get_origin(field.annotation) is Literal else None
        if words and parameter.decorators.get("allowed") != list(words):
            yield f"{name} may be something else than in the code"
        yield from _bounds(name, field, parameter)


def _bounds(name: str, field: FieldInfo, parameter: Parameter) -> Iterator[str]:
    for bound in field.metadata:
        if isinstance(bound, annotated_types.Ge) and parameter.decorators.get("minValue") != bound.ge:
            yield f"{name} has another least value than in the code"
        if isinstance(bound, annotated_types.Le) and parameter.decorators.get("maxValue") != bound.le:
            yield f"{name} has another greatest value than in the code"


def _kafka_words(files: Files) -> Iterator[str]:
    """The words that the host does not resolve are those that the code knows, and TLS is what nobody has to ask for."""
    parameters = files["main.bicep"].parameters
    for name, known in (("kafkaProtocol", kafka.PROTOCOLS), ("kafkaAuthentication", kafka.AUTHENTICATIONS)):
        if parameters[name].decorators.get("allowed") != list(known):
            yield f"{name} may be something else than in the code"
    defaults = {name: parameters[name].default for name in ("kafkaProtocol", "kafkaAuthentication")}
    if defaults != {"kafkaProtocol": "saslssl", "kafkaAuthentication": "plain"}:
        yield f"brokers are spoken to as {defaults}"
    if parameters["kafkaConsumerGroup"].default != kafka.DEFAULT_CONSUMER_GROUP:
        yield "the consumer group has another name than in the code"
    if parameters["kafkaBrokerList"].default != "":
        yield "there is a broker that nobody asked for"


def _parameters_file(main: Template, text: str) -> Iterator[str]:
    """main.parameters.json gives every parameter but our own secrets, by a variable, with the same default."""
    given = {name: entry["value"] for name, entry in json.loads(text)["parameters"].items()}
    ours = {"realtimeAuthTokens", "pushWebhookTokens", "healthTokens", "emablerApiKey", "kafkaPassword"}
    for name in sorted(set(given) ^ (set(main.parameters) - ours)):
        yield f"main.parameters.json {'should not give' if name in given else 'does not give'} {name}"
    for name, value in given.items():
        default = main.parameters[name].default if name in main.parameters else None
        shown = "" if default is None else str(default).lower() if isinstance(default, bool) else str(default)
        form = r"\$\{[A-Z0-9_]+\}" if default is None else r"\$\{[A-Z0-9_]+=" + re.escape(shown) + r"\}"
        if not re.fullmatch(form, value):
            yield f"main.parameters.json: {name} is {value}, the template's default {shown!r}"
