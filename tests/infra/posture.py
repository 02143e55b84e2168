"""What must hold of the templates for the deployment to be safe. Each check gives its problems.

They are functions of texts, so that the tests can show that each of them bites (test_mutations.py).
"""

import re
from collections.abc import Iterator
from typing import Any

from tests.infra.reading import Expression, Resource, Template, at, resources, texts_in

Files = dict[str, Template]

STORAGE = "Microsoft.Storage/storageAccounts"
CONTAINERS = f"{STORAGE}/blobServices/containers"
NAMESPACE = "Microsoft.ServiceBus/namespaces"
QUEUE = f"{NAMESPACE}/queues"
VAULT = "Microsoft.KeyVault/vaults"
SECRET = f"{VAULT}/secrets"
SITE = "Microsoft.Web/sites"
PLAN = "Microsoft.Web/serverfarms"
COMPONENT = "Microsoft.Insights/components"
WORKSPACE = "Microsoft.OperationalInsights/workspaces"
DIAGNOSTICS = "Microsoft.Insights/diagnosticSettings"
GRANT = "Microsoft.Authorization/roleAssignments"

REQUIRED: dict[str, dict[str, Any]] = {
    STORAGE: {
        "properties.allowBlobPublicAccess": False,
        "properties.allowCrossTenantReplication": False,
        "properties.allowSharedKeyAccess": False,
        "properties.defaultToOAuthAuthentication": True,
        "properties.minimumTlsVersion": "TLS1_2",
        "properties.supportsHttpsTrafficOnly": True,
    },
    f"{STORAGE}/blobServices": {
        "properties.deleteRetentionPolicy.enabled": True,
        "properties.containerDeleteRetentionPolicy.enabled": True,
    },
    CONTAINERS: {"properties.publicAccess": "None"},
    NAMESPACE: {
        "sku.name": "Standard",
        "properties.minimumTlsVersion": "1.2",
        "properties.disableLocalAuth": False,  # eMabler has a key, and nobody else: _rules
    },
    VAULT: {
        "properties.enablePurgeProtection": True,
        "properties.enableRbacAuthorization": True,
        "properties.enableSoftDelete": True,
        "properties.softDeleteRetentionInDays": 90,
        "properties.enabledForTemplateDeployment": False,
        "properties.accessPolicies": None,
    },
    COMPONENT: {
        "properties.DisableLocalAuth": True,
        "properties.IngestionMode": "LogAnalytics",
        "properties.WorkspaceResourceId": Expression("workspace.id"),
    },
    WORKSPACE: {"properties.features.disableLocalAuth": True},
    PLAN: {"sku.name": "FC1", "sku.tier": "FlexConsumption", "properties.reserved": True},
    SITE: {
        "kind": "functionapp,linux",
        "tags": Expression("tags"),  # by which azd finds it
        "identity.type": "UserAssigned",
        "properties.serverFarmId": Expression("plan.id"),
        "properties.keyVaultReferenceIdentity": Expression("identityId"),
        "properties.httpsOnly": True,
        "properties.siteConfig.minTlsVersion": "1.2",
        "properties.siteConfig.scmMinTlsVersion": "1.2",
        "properties.siteConfig.ftpsState": "Disabled",
    },
    f"{SITE}/basicPublishingCredentialsPolicies": {"properties.allow": False},
    SECRET: {"parent": Expression("vault")},
}
"""What every resource of a type says, in so many words."""

SECRETS = {
    "realtime-auth-tokens": "realtimeAuthTokens",
    "push-webhook-tokens": "pushWebhookTokens",
    "health-tokens": "healthTokens",
    "emabler-api-key": "emablerApiKey",
    "kafka-password": "kafkaPassword",
    "emabler-send-connection": "namespace::queue::emablerSends.listKeys().primaryConnectionString",
}
"""What each secret of the vault is."""

MADE_ONCE = (STORAGE, NAMESPACE, QUEUE, VAULT, COMPONENT, WORKSPACE, PLAN, SITE)

ROLES = {
    "keyVaultSecretsOfficer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "keyVaultSecretsUser": "4633458b-17de-408a-b874-0445c86b69e6",
    "monitoringMetricsPublisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "serviceBusDataOwner": "090c5cfd-751d-490a-894a-3ce6f1109419",
    "serviceBusDataReceiver": "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0",
    "serviceBusDataSender": "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39",
    "storageBlobDataOwner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "storageTableDataContributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
}
"""learn.microsoft.com, "Azure built-in roles"."""

PEOPLE = "modules/people.bicep"

GRANTS = {
    ("modules/keyvault.bicep", VAULT, "keyVaultSecretsUser"),
    ("modules/monitoring.bicep", COMPONENT, "monitoringMetricsPublisher"),
    ("modules/servicebus.bicep", QUEUE, "serviceBusDataOwner"),
    ("modules/storage.bicep", STORAGE, "storageBlobDataOwner"),
    ("modules/storage.bicep", STORAGE, "storageTableDataContributor"),
    (PEOPLE, VAULT, "keyVaultSecretsOfficer"),
    (PEOPLE, STORAGE, "storageTableDataContributor"),
    (PEOPLE, QUEUE, "serviceBusDataReceiver"),
    (PEOPLE, QUEUE, "serviceBusDataSender"),
}
"""Who may what where, and nothing beside it."""

DIAGNOSED = {
    VAULT: {"AuditEvent": True},
    NAMESPACE: {"OperationalLogs": True},
    f"{STORAGE}/tableServices": {"StorageDelete": True, "StorageWrite": "logsTableWrites"},
}

REFUSED_BY_FLEX = {
    "ENABLE_ORYX_BUILD",
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_WORKER_PROCESS_COUNT",
    "FUNCTIONS_WORKER_RUNTIME",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "WEBSITE_CONTENTSHARE",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_TIME_ZONE",
    "WEBSITE_VNET_ROUTE_ALL",
    "alwaysOn",
    "linuxFxVersion",
}
"""learn.microsoft.com, "Flex Consumption plan deprecations"."""


def problems(files: Files) -> list[str]:
    """Everything that is wrong with the posture."""
    checks = (
        _syntax,
        _required,
        _access,
        _rules,
        _grants,
        _vault,
        _secrets,
        _secure_parameters,
        _diagnostics,
        _refused,
    )
    return [problem for check in checks for problem in check(files)]


def _syntax(files: Files) -> Iterator[str]:
    for file in files.values():
        if file.has_syntax_error:
            yield f"{file.path} is not Bicep"


def _required(files: Files) -> Iterator[str]:
    for type_ in MADE_ONCE:
        if (made := len(resources(files, type_))) != 1:
            yield f"{type_} is made {made} times, not once"
    yield from differences(files, REQUIRED)


def differences(files: Files, required: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Where a resource of a type says something else than is required of that type, by the dotted paths in it."""
    for type_, wanted in required.items():
        for resource in resources(files, type_):
            for path, value in wanted.items():
                if (found := resource.get(path)) != value or type(found) is not type(value):
                    yield f"{resource.symbol}: {path} is {found!r}, not {value!r}"


def _access(files: Files) -> Iterator[str]:
    doors = {str(resource.get("name")) for resource in resources(files, f"{SITE}/basicPublishingCredentialsPolicies")}
    if doors != {"ftp", "scm"}:
        yield f"passwords are closed for {sorted(doors)}, not for ftp and scm"


def _rules(files: Files) -> Iterator[str]:
    rules = [resource for resource in resources(files) if "authorizationrules" in resource.type.lower()]
    if [rule.type for rule in rules] != [f"{QUEUE}/authorizationRules"]:
        yield f"there are the rules {[rule.type for rule in rules]}, not one on the queue"
    for rule in rules:
        if rule.get("properties.rights") != ["Send"]:
            yield f"the rule {rule.symbol} has the rights {rule.get('properties.rights')}, not Send alone"


def _grants(files: Files) -> Iterator[str]:
    if files["modules/roles.bicep"].variables.get("roles") != ROLES:
        yield "the ids of the roles are not Azure's"
    granted = {_grant(files[grant.file], grant) for grant in resources(files, GRANT)}
    for file, scope, role in sorted(granted ^ GRANTS):
        yield f"{file}: {'unexpected' if (file, scope, role) in granted else 'missing'} grant of {role} on {scope}"
    for grant in resources(files, GRANT):
        is_persons = grant.file == PEOPLE
        holder = getattr(grant.get("properties.principalType"), "text", grant.get("properties.principalType"))
        if holder != ("principalType" if is_persons else "ServicePrincipal"):
            yield f"{grant.file}: {grant.symbol} is granted to {holder!r}"
    if files[PEOPLE].parameters["principalType"].decorators.get("allowed") != ["User", "Group"]:
        yield "people's grants are not for people only"
    for module in files["main.bicep"].modules:
        if module.symbol == "people" and module.condition != "(!empty(operatorPrincipalId))":
            yield "people are granted roles that nobody asked for"


def _grant(file: Template, grant: Resource) -> tuple[str, str, str]:
    """File, type of the scope and role of a grant; what cannot be read is told as it is written."""
    scope = getattr(grant.get("scope"), "text", "nothing")
    type_ = next((resource.type for resource in file.resources if resource.symbol == scope), scope)
    role = getattr(grant.get("properties.roleDefinitionId"), "text", "nothing")
    known = re.fullmatch(r"subscriptionResourceId\('Microsoft.Authorization/roleDefinitions', roles\.(\w+)\)", role)
    principal = "principalId" if grant.file == PEOPLE else "appPrincipalId"
    name = known[1] if known else role
    # The name of a grant is all Azure knows it by: two of one name would be one.
    is_named = getattr(grant.get("name"), "text", "") == f"guid({scope}.id, {principal}, roles.{name})"
    return grant.file, type_, name if is_named else f"{name} under another's name"


def _vault(files: Files) -> Iterator[str]:
    secrets = {str(secret.get("name")): secret for secret in resources(files, SECRET)}
    if secrets.keys() != SECRETS.keys():
        yield f"the vault is given {sorted(secrets)}"
    for name, secret in secrets.items():
        source = getattr(secret.get("properties.value"), "text", "nothing")
        if source != SECRETS.get(name):
            yield f"the secret {name} is {source}"
        # Given empty, a secret would end the one that a person put there.
        if name != "emabler-send-connection" and secret.condition != f"(!empty({source}))":
            yield f"the secret {name} is written also where none is given"


def _secrets(files: Files) -> Iterator[str]:
    in_vault = [
        text
        for secret in resources(files, SECRET)
        for text in texts_in(secret.get("properties.value"))
        if re.search(r"\.list\w*\(", text)
    ]
    listed = [text for file in files.values() for text in re.findall(r"\blist[A-Z]\w*\(", _without_comments(file))]
    if (len(in_vault), len(listed)) != (1, 1):
        yield f"keys are listed {len(listed)} times, {len(in_vault)} of them for the vault; once for it is right"
    for file in files.values():
        secure = {name for name, parameter in file.parameters.items() if "secure" in parameter.decorators}
        for name, value in file.outputs.items():
            words = set(re.findall(r"\w+", " ".join(texts_in(value))))
            if words & secure or re.search(r"list[A-Z]\w*\(|[cC]onnectionString|[kK]eys\b", " ".join(texts_in(value))):
                yield f"{file.path}: the output {name} carries a secret"


def _secure_parameters(files: Files) -> Iterator[str]:
    """A secret that is handed to a module stays one there, and none has a value of its own."""
    for file in files.values():
        for name, parameter in file.parameters.items():
            is_secure = "secure" in parameter.decorators
            if is_secure and parameter.default not in {None, ""}:
                yield f"{file.path}: the secret {name} has a default"
            is_text = parameter.type == "string"
            if is_text and not is_secure and re.search(r"tokens$|apikey$|password|webhookuri$", name.lower()):
                yield f"{file.path}: {name} is not marked as a secret"
        for module in file.modules:
            for name, value in (at(module.body, "params") or {}).items():
                passed = file.parameters.get(getattr(value, "text", ""))
                taken = files[module.path].parameters.get(name)
                if passed and "secure" in passed.decorators and (not taken or "secure" not in taken.decorators):
                    yield f"{module.path}: {name} is not marked as a secret"


def _diagnostics(files: Files) -> Iterator[str]:
    found: dict[str, dict[str, Any]] = {}
    for setting in resources(files, DIAGNOSTICS):
        scope = getattr(setting.get("scope"), "text", "nothing").replace("account::tableService", "tableService")
        symbols = {resource.symbol.split("::")[-1]: resource.type for resource in files[setting.file].resources}
        logs = setting.get("properties.logs") or []
        found[symbols.get(scope, scope)] = {
            log.get("category"): getattr(log.get("enabled"), "text", log.get("enabled")) for log in logs
        }
        if getattr(setting.get("properties.workspaceId"), "text", None) != "workspaceId":
            yield f"{setting.symbol} does not log to the workspace"
    if found != DIAGNOSED:
        yield f"logged is {found}"


def _refused(files: Files) -> Iterator[str]:
    for file in files.values():
        for name in sorted(REFUSED_BY_FLEX & set(re.findall(r"\w+", _without_comments(file)))):
            yield f"{file.path}: Flex Consumption refuses {name}"


def _without_comments(file: Template) -> str:
    return re.sub(r"^\s*//.*$", "", file.text, flags=re.MULTILINE)
