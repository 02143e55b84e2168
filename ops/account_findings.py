"""What a check of the account comes to: decided from eMabler's answers and errors alone, without asking anything."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.emabler.rest.addresses import ApiVersion
from shared.emabler.rest.answers import PushIntegration
from shared.emabler.rest.errors import CredentialsRefused, NotFound, PermissionMissing
from shared.emabler.rest.requests import Permission
from shared.errors import EmablerError
from shared.events import EventType

NEEDED_MESSAGE_TYPES: Final = (
    EventType.CHARGER_STATE,
    EventType.CHARGER_BOOT,
    EventType.CHARGING_TRANSACTION,
    EventType.FULL_CHARGING_TRANSACTION,
    EventType.MEASUREMENTS,
)
"""What the app lives on. RealTimeAuth is not among them: whether it is used is the operator's choice."""

_WHERE_PUSH_IS_SET: Final = "eMabler Connect -> Settings -> Developers -> Push API"
_HOW_TO_PERMIT: Final = {
    ApiVersion.V1: "Ask eMabler's support for a key that may {permission}; set EMABLER_API_KEY to it.",
    ApiVersion.V2: (
        "As an operator who may {permission}: eMabler Connect -> Settings -> Developers -> Add API Key, because the "
        "permissions of a key mirror its operator's; set EMABLER_API_KEY to it."
    ),
}


class KeyState(StrEnum):
    """What eMabler makes of the key."""

    WORKS = "works"
    REFUSED = "refused"
    NOT_CHECKED = "not checked"


class Outcome(StrEnum):
    """What was found about one permission."""

    OK = "ok"
    MISSING = "missing"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Probe:
    """One question that needs a permission, and the error that it ended with. `is_possible`: whether it was asked."""

    permission: Permission
    error: EmablerError | None = None
    is_possible: bool = True

    @property
    def outcome(self) -> Outcome:
        """An answer shows that the permission is there; an error other than 403 shows nothing."""
        if isinstance(self.error, PermissionMissing):
            return Outcome.MISSING
        return Outcome.OK if self.error is None and self.is_possible else Outcome.NOT_CHECKED


@dataclass(frozen=True, slots=True)
class Examination:
    """All that was found. `chargers` and `integrations` are None where eMabler did not tell."""

    version: ApiVersion
    probes: Sequence[Probe]
    chargers: int | None = None
    integrations: Sequence[PushIntegration] | None = None

    @property
    def key(self) -> KeyState:
        """One refusal is enough; what never reached the API, or something else than the API, says nothing."""
        errors = [probe.error for probe in self.probes if probe.is_possible]
        if any(isinstance(error, CredentialsRefused) for error in errors):
            return KeyState.REFUSED
        if any(error is None or isinstance(error, PermissionMissing) for error in errors):
            return KeyState.WORKS
        return KeyState.NOT_CHECKED

    @property
    def problems(self) -> list[str]:
        """What a person has to mend, each with what to do."""
        refused = next((probe.error for probe in self.probes if isinstance(probe.error, CredentialsRefused)), None)
        if refused is not None:
            return [f"{refused}."]
        found = [problem for probe in self.probes if (problem := _problem_of(probe, self.version)) is not None]
        return found + list(_push_problems(self.integrations) if self.integrations is not None else ())


def messages_sent(integrations: Sequence[PushIntegration]) -> set[str]:
    """The message types that some enabled integration sends to some endpoint, in lower case.

    What eMabler does not say to be off counts as on.
    """
    return {
        message.message_type.lower()
        for integration in integrations
        if integration.is_enabled is not False
        for endpoint in integration.endpoints
        for message in endpoint.messages
        if message.is_enabled is not False
    }


def _problem_of(probe: Probe, version: ApiVersion) -> str | None:
    if probe.error is None:
        return None
    if isinstance(probe.error, PermissionMissing):
        how = _HOW_TO_PERMIT[version].format(permission=probe.permission)
        return f"The key lacks the permission {probe.permission}. {how}"
    if isinstance(probe.error, NotFound):
        return f"{probe.error}. {probe.permission} could not be checked: correct POLL_CHARGER_IDS."
    return f"{probe.error}. {probe.permission} could not be checked."


def _push_problems(integrations: Sequence[PushIntegration]) -> Iterator[str]:
    """An account may have integrations that are not this app's, so only what none of them sends is a problem."""
    if not integrations:
        yield f"Push is not set up, so no events come: {_WHERE_PUSH_IS_SET}."
    elif all(integration.is_enabled is False for integration in integrations):
        yield f"Push is switched off, so no events come: {_WHERE_PUSH_IS_SET}, and enable the integration."
    else:
        sent = messages_sent(integrations)
        for message_type in NEEDED_MESSAGE_TYPES:
            if message_type.lower() not in sent:
                yield f"Push does not send {message_type}, which this app uses: {_WHERE_PUSH_IS_SET}, and enable it."
