"""Where eMabler's APIs are, and which addresses a key may be sent to.

Bases: v1 from "Getting started with the REST API" (test) and from clients that use it (production); v2 from the
"API integration" page. v2's paths carry their own version: `.../api/v2/cpo` + `/v2/chargers`.
"""

import ipaddress
from enum import StrEnum
from typing import Final
from urllib.parse import SplitResult, urlsplit

from shared.errors import ConfigurationError


class ApiVersion(StrEnum):
    """The values of EMABLER_API_VERSION."""

    V1 = "v1"
    V2 = "v2"


class Environment(StrEnum):
    """The values of EMABLER_ENVIRONMENT."""

    TEST = "test"
    STAGING = "staging"
    PRODUCTION = "production"


_BASES: Final = {
    (ApiVersion.V1, Environment.TEST): "https://api.emabler.net/api",
    (ApiVersion.V1, Environment.PRODUCTION): "https://api.emabler.io/api",
    (ApiVersion.V2, Environment.TEST): "https://api.emabler.net/api/v2/cpo",
    (ApiVersion.V2, Environment.STAGING): "https://api-staging.emabler.net/api/v2/cpo",
    (ApiVersion.V2, Environment.PRODUCTION): "https://api.emabler.io/api/v2/cpo",
}


def base_url_of(version: ApiVersion, environment: Environment) -> str:
    """The base URL of eMabler's own, without a slash at its end. Raises ConfigurationError where there is none."""
    base_url = _BASES.get((version, environment))
    if base_url is None:
        raise ConfigurationError(
            f"eMabler's API {version} is not known to have an environment {environment}: set EMABLER_ENVIRONMENT to "
            "test or production, EMABLER_API_VERSION to v2, or EMABLER_BASE_URL to where it is"
        )
    return base_url


def checked_base_url(text: str) -> str:
    """A base URL that a key may be sent to, without a slash at its end: HTTPS, or HTTP to this very machine.

    Raises ConfigurationError for any other; its text never repeats the URL, which may hold a key.
    """
    try:
        url = urlsplit(text.strip())
        is_usable = _is_usable(url)
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ConfigurationError(
            "EMABLER_BASE_URL must be https://host/path (http only for this machine), without user, query or fragment: "
            "set it again, or remove it to use eMabler's own"
        )
    return text.strip().rstrip("/")


def _is_usable(url: SplitResult) -> bool:
    """Whether it leads somewhere, safely; reading the port raises ValueError for one that is no number."""
    has_extras = "@" in url.netloc or bool(url.query or url.fragment) or url.port == 0
    is_safe = url.scheme == "https" or (url.scheme == "http" and _is_this_machine(url.hostname or ""))
    return bool(url.hostname) and is_safe and not has_extras


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
