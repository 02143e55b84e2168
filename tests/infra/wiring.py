"""Which value arrives where: modules' parameters and outputs, settings, the app's form. Each check gives its problems.

Types are all strings here, so that the compiler lets a client id stand where a principal id is wanted.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.infra.posture import COMPONENT, CONTAINERS, SITE, VAULT, WORKSPACE, Files, differences
from tests.infra.reading import ROOT, Expression, Parameter, resources

FROM = {
    "appPrincipalId": "identity.outputs.principalId",
    "blobEndpoint": "storage.outputs.blobEndpoint",
    "componentId": "monitoring.outputs.componentId",
    "componentName": "monitoring.outputs.componentName",
    "dailyCapGb": "telemetryDailyCapGb",
    "email": "alertEmail",
    "identityClientId": "identity.outputs.clientId",
    "identityId": "identity.outputs.id",
    "namespaceId": "servicebus.outputs.namespaceId",
    "namespaceName": "servicebus.outputs.namespaceName",
    "principalId": "operatorPrincipalId",
    "principalType": "operatorPrincipalType",
    "queueName": "servicebus.outputs.queueName",
    "recovers": "recoversVault",
    "redundancy": "storageRedundancy",
    "retentionDays": "telemetryRetentionDays",
    "storageName": "storage.outputs.name",
    "vaultName": "keyvault.outputs.name",
    "webhookUri": "alertWebhookUri",
    "workspaceId": "monitoring.outputs.workspaceId",
}
"""Where main takes a module's parameter from; what is not here has the same name in main."""

FROM_ITSELF = {
    "identity": {"name": "'id-${token}'"},
    "monitoring": {"workspaceName": "'log-${token}'", "componentName": "'appi-${token}'"},
    "storage": {"name": "'st${token}'"},
    "keyvault": {"name": "'kv-${token}'"},
    "servicebus": {"namespaceName": "'sb-${token}'", "queueName": "pushEventsQueue"},
    "functionapp": {
        "planName": "'plan-${token}'",
        "name": "'func-${token}'",
        "tags": "union(tags, { 'azd-service-name': 'api' })",
        "alwaysReadyPushEventsKafka": "empty(kafkaBrokerList) ? 0 : alwaysReadyPushEventsKafka",
        "ownSettings": "union(ownSettings, empty(kafkaBrokerList) ? {} : kafkaSettings)",
    },
    "alerts": {"readsKafka": "!empty(kafkaBrokerList)"},
    "workbook": {"displayName": "'eMabler to Azure (${environmentName})'"},
}
"""What a module makes, it is told by main instead: the names above all."""

OUTPUTS = {
    "identity": {
        "id": "identity.id",
        "clientId": "identity.properties.clientId",
        "principalId": "identity.properties.principalId",
    },
    "monitoring": {
        "workspaceId": "workspace.id",
        "componentName": "component.name",
        "componentId": "component.id",
    },
    "storage": {
        "name": "account.name",
        "blobEndpoint": "account.properties.primaryEndpoints.blob",
        "tableEndpoint": "account.properties.primaryEndpoints.table",
    },
    "keyvault": {"name": "vault.name"},
    "servicebus": {
        "namespaceId": "namespace.id",
        "namespaceName": "namespace.name",
        "queueName": "namespace::queue.name",
        "hostName": "replace(replace(namespace.properties.serviceBusEndpoint, 'https://', ''), ':443/', '')",
    },
    "functionapp": {"name": "app.name", "url": "'https://${app.properties.defaultHostName}'"},
}
"""What each module puts out."""

OWN_BY_IDENTITY = {
    "EventStorage__tableServiceUri": "storage.outputs.tableEndpoint",
    "EventStorage__clientId": "identity.outputs.clientId",
    "ServiceBusConnection__fullyQualifiedNamespace": "servicebus.outputs.hostName",
    "ServiceBusConnection__clientId": "identity.outputs.clientId",
    "PUSH_EVENTS_QUEUE": "servicebus.outputs.queueName",
}
"""The settings that come from modules; each other one comes from the parameter of its name."""

WITH_KAFKA = {"AzureFunctionsJobHost__telemetryMode": "ApplicationInsights"}
"""What the host reads, and is set with a broker alone."""

PLATFORM = {
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": Expression("'ClientId=${identityClientId};Authorization=AAD'"),
    "APPLICATIONINSIGHTS_CONNECTION_STRING": Expression("component.properties.ConnectionString"),
    "AZURE_CLIENT_ID": Expression("identityClientId"),
    "AzureFunctionsJobHost__extensions__serviceBus__maxMessageBatchSize": Expression("string(pushEventsBatchSize)"),
    "AzureWebJobsStorage__blobServiceUri": Expression("blobEndpoint"),
    "AzureWebJobsStorage__clientId": Expression("identityClientId"),
    "AzureWebJobsStorage__credential": "managedidentity",
    "OTEL_METRIC_EXPORT_INTERVAL": "10000",
    "PYTHON_ENABLE_OPENTELEMETRY": "true",
    "ServiceBusConnection__credential": "managedidentity",
}
"""What the host, the platform, Azure's SDKs and OpenTelemetry read."""

ALWAYS_READY = [
    {"name": "http", "instanceCount": Expression("alwaysReadyHttp")},
    {"name": "function:push_events", "instanceCount": Expression("alwaysReadyPushEvents")},
    {"name": "function:push_events_kafka", "instanceCount": Expression("alwaysReadyPushEventsKafka")},
]

REQUIRED: dict[str, dict[str, Any]] = {
    SITE: {
        "identity.userAssignedIdentities": {"${identityId}": {}},
        "properties.functionAppConfig.deployment": {
            "storage": {
                "type": "blobContainer",
                "value": Expression("'${blobEndpoint}${packageContainer}'"),
                "authentication": {
                    "type": "UserAssignedIdentity",
                    "userAssignedIdentityResourceId": Expression("identityId"),
                },
            }
        },
        "properties.virtualNetworkSubnetId": Expression("empty(outboundSubnetId) ? null : outboundSubnetId"),
        "properties.functionAppConfig.runtime": {"name": "python", "version": Expression("pythonVersion")},
        "properties.functionAppConfig.scaleAndConcurrency": {
            "alwaysReady": Expression("filter(alwaysReady, group => group.instanceCount > 0)"),
            "instanceMemoryMB": Expression("instanceMemoryMB"),
            "maximumInstanceCount": Expression("maximumInstanceCount"),
            "triggers": {"http": {"perInstanceConcurrency": Expression("httpPerInstanceConcurrency")}},
        },
    },
    CONTAINERS: {"name": Expression("packageContainer")},
    VAULT: {
        "properties.tenantId": Expression("subscription().tenantId"),
        "properties.createMode": Expression("recovers ? 'recover' : 'default'"),
    },
    WORKSPACE: {
        "properties.retentionInDays": Expression("retentionDays"),
        "properties.workspaceCapping.dailyQuotaGb": Expression("dailyCapGb"),
    },
    COMPONENT: {"kind": "web"},
}
"""What a resource makes of its module's parameters."""


def problems(files: Files) -> list[str]:
    """Everything that arrives where it does not belong."""
    checks = (_modules, _outputs, _platform_settings, _own_settings, _always_ready, _batch_size)
    return [problem for check in checks for problem in check(files)] + list(differences(files, REQUIRED))


def _modules(files: Files) -> Iterator[str]:
    for module in files["main.bicep"].modules:
        for name, value in module.body["params"].items():
            wanted = FROM_ITSELF.get(module.symbol, {}).get(name) or FROM.get(name, name)
            if value != Expression(wanted):
                yield f"the module {module.symbol} gets {_text(value)} as {name}, not {wanted}"


def _outputs(files: Files) -> Iterator[str]:
    for path, file in files.items():
        if path == "main.bicep":
            continue
        found = {name: _text(value) for name, value in file.outputs.items()}
        if found != OUTPUTS.get(path.removeprefix("modules/").removesuffix(".bicep"), {}):
            yield f"{path} puts out {found}"


def _platform_settings(files: Files) -> Iterator[str]:
    settings = files["modules/functionapp.bicep"].variables["platformSettings"]
    for name in sorted(settings.keys() | PLATFORM.keys()):
        if name not in settings or name not in PLATFORM:
            yield f"the platform's setting {name} is {'not known' if name in settings else 'missing'}"
        elif settings[name] != PLATFORM[name]:
            yield f"the platform's setting {name} is {_text(settings[name])}, not {_text(PLATFORM[name])}"
    for settings_of_app in resources(files, f"{SITE}/config"):
        if settings_of_app.get("properties") != Expression("union(platformSettings, ownSettings)"):
            yield "the app's settings are not the platform's and its own"


def _own_settings(files: Files) -> Iterator[str]:
    """Each from the parameter of its name; the references to the vault are agreement.py's."""
    variables = files["main.bicep"].variables
    for name, value in (variables["ownSettings"] | variables["kafkaSettings"]).items():
        text = _text(value)
        if "@Microsoft.KeyVault(" in text:
            continue
        wanted = (OWN_BY_IDENTITY | WITH_KAFKA).get(name) or _camel_case(name)
        if text not in {wanted, f"string({wanted})"}:
            yield f"the setting {name} is {text}, not {wanted}"


def _always_ready(files: Files) -> Iterator[str]:
    if (groups := files["modules/functionapp.bicep"].variables["alwaysReady"]) != ALWAYS_READY:
        yield f"always ready are {groups}"


def _batch_size(files: Files) -> Iterator[str]:
    """The setting wins over host.json, so both say the same where nobody chose; the bounds are Service Bus's."""
    host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    size = host["extensions"]["serviceBus"]["maxMessageBatchSize"]
    parameter = files["main.bicep"].parameters.get("pushEventsBatchSize", Parameter("", None, {}))
    found = (parameter.default, parameter.decorators.get("minValue"), parameter.decorators.get("maxValue"))
    if found != (size, 1, 1000):
        yield f"the size of a batch is {found}, in host.json {size}"


def _camel_case(name: str) -> str:
    """`eventShards` of `EVENT_SHARDS`."""
    return re.sub(r"_(.)", lambda found: found[1].upper(), name.lower())


def _text(value: Any) -> str:
    return str(getattr(value, "text", value))
