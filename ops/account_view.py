"""How a check of the account looks: as JSON, and for people. What push endpoints connect with is never read."""

from collections.abc import Sequence
from typing import Any, Final

from rich.console import RenderableType

from ops.account_findings import Examination, Probe
from ops.output import pairs_of, table_of
from ops.running import Account
from shared.emabler.rest.addresses import ApiVersion
from shared.emabler.rest.answers import PushEndpoint, PushIntegration

_ON_OFF: Final = {True: "on", False: "off", None: "not told"}
_V1_CANNOT_TELL: Final = "API v1 cannot tell: look in eMabler Connect -> Settings -> Developers -> Push API"
_V1_NEEDS_A_CHARGER: Final = (
    "API v1 lists no chargers: name one in POLL_CHARGER_IDS, or see `emabler charger status ID`"
)


def examination_data(account: Account, examination: Examination) -> dict[str, Any]:
    """Everything that was found; `push` is null where eMabler does not tell."""
    return {
        "api": {"version": account.api.version, "environment": account.environment, "host": account.host},
        "key": examination.key,
        "permissions": {str(probe.permission): probe.outcome for probe in examination.probes},
        "chargers": examination.chargers,
        "push": None if examination.integrations is None else list(map(_integration_data, examination.integrations)),
        "problems": examination.problems,
        "is_well": not examination.problems,
    }


def examination_parts(account: Account, examination: Examination) -> list[RenderableType]:
    """The same for people."""
    pairs = {
        "API": f"{account.api.version} at {account.place}",
        "key": examination.key,
        "chargers": None if examination.chargers is None else f"{examination.chargers:,}",
    }
    permissions = table_of(("permission", "result", ""), map(_permission_line, examination.probes))
    parts: list[RenderableType] = [pairs_of(pairs), permissions]
    if examination.integrations is not None:
        parts += _push_parts(examination.integrations)
    else:
        parts.append(f"Push: {_V1_CANNOT_TELL if examination.version is ApiVersion.V1 else 'not checked'}.")
    if not examination.problems:
        return [*parts, "Nothing to mend."]
    return [*parts, "To mend:", *(f"- {problem}" for problem in examination.problems)]


def _permission_line(probe: Probe) -> tuple[str, str, str]:
    return probe.permission, probe.outcome, "" if probe.is_possible else _V1_NEEDS_A_CHARGER


def _push_parts(integrations: Sequence[PushIntegration]) -> list[RenderableType]:
    if not integrations:
        return ["Push: eMabler has no push integration."]
    columns = ("push integration", "it is", "endpoint", "kind", "messages on", "messages off")
    return [table_of(columns, (line for integration in integrations for line in _integration_lines(integration)))]


def _integration_lines(integration: PushIntegration) -> list[tuple[str | None, ...]]:
    """A line for each endpoint, or one that says that there is none."""
    begin = (integration.name or integration.integration_id, _ON_OFF[integration.is_enabled])
    return [(*begin, *_endpoint_cells(endpoint)) for endpoint in integration.endpoints] or [(*begin, "none")]


def _endpoint_cells(endpoint: PushEndpoint) -> tuple[str | None, ...]:
    on = [message.message_type for message in endpoint.messages if message.is_enabled is not False]
    off = [message.message_type for message in endpoint.messages if message.is_enabled is False]
    return endpoint.endpoint_id, endpoint.kind, ", ".join(on), ", ".join(off)


def _integration_data(integration: PushIntegration) -> dict[str, Any]:
    return {
        "integration_id": integration.integration_id,
        "name": integration.name,
        "is_enabled": integration.is_enabled,
        "endpoints": [
            {
                "endpoint_id": endpoint.endpoint_id,
                "kind": endpoint.kind,
                "messages": {message.message_type: message.is_enabled for message in endpoint.messages},
            }
            for endpoint in integration.endpoints
        ],
    }
