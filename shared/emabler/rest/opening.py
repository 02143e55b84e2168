"""The API that the settings choose."""

from enum import StrEnum
from typing import TypeVar

import httpx
from pydantic import SecretStr

from shared.emabler.rest.addresses import ApiVersion, Environment, base_url_of, checked_base_url
from shared.emabler.rest.api import EmablerApi
from shared.emabler.rest.credentials import Credentials
from shared.emabler.rest.transport import Connection
from shared.emabler.rest.v1 import EmablerV1
from shared.emabler.rest.v2 import EmablerV2
from shared.errors import ConfigurationError

Choice = TypeVar("Choice", bound=StrEnum)


def open_api(
    *,
    version: str,
    environment: str,
    api_key: SecretStr,
    client_id: str | None = None,
    base_url: str | None = None,
    network: httpx.AsyncBaseTransport | None = None,
) -> EmablerApi:
    """eMabler's API as EMABLER_API_VERSION, _ENVIRONMENT, _API_KEY, _CLIENT_ID (v1 only) and _BASE_URL choose it.

    Nothing is connected by that; close it at the end. `base_url` stands in for the environment's own, `network` for the
    real one. Raises ConfigurationError for settings that cannot be used; no text repeats the key or the URL.
    """  # noqa: D403  # eMabler is its name
    chosen = _chosen("EMABLER_API_VERSION", version, ApiVersion)
    if base_url is not None:
        address = checked_base_url(base_url)
    else:
        address = base_url_of(chosen, _chosen("EMABLER_ENVIRONMENT", environment, Environment))
    if chosen is ApiVersion.V2:
        return EmablerV2(Connection(address, Credentials.for_v2(api_key), network))
    if client_id is None:
        raise ConfigurationError("eMabler's API v1 wants a client id with the key: set EMABLER_CLIENT_ID")
    return EmablerV1(Connection(address, Credentials.for_v1(api_key, client_id), network))


def _chosen(setting: str, text: str, choices: type[Choice]) -> Choice:
    try:
        return choices(text.strip().lower())
    except ValueError:
        raise ConfigurationError(f"{setting} must be one of {', '.join(choices)}: set it again") from None
