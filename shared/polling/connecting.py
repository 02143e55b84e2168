"""eMabler's REST API for the account that the settings name."""

import logging
from typing import TYPE_CHECKING

from shared.errors import ConfigurationError
from shared.key_vault import WHAT_TO_DO, is_unresolved
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.emabler.rest.api import EmablerApi


def has_emabler(chosen: Settings) -> bool:
    """Whether there is anything to poll: an operator may do with push alone."""
    return chosen.emabler_api_key is not None


def connect_emabler(chosen: Settings) -> "EmablerApi":
    """The API; close it at the end. Raises ConfigurationError, which says what to set."""
    from shared.emabler.rest.opening import open_api  # noqa: PLC0415  # an HTTP client's 0.2 s, kept out of cold starts

    # It writes a line for each call, and v1 makes one for each charger; a run says how many it made.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if chosen.emabler_api_key is not None and is_unresolved(chosen.emabler_api_key.get_secret_value()):
        raise ConfigurationError(f"EMABLER_API_KEY {WHAT_TO_DO}.")
    if chosen.emabler_api_key is None:
        raise ConfigurationError(
            "No key of eMabler's REST API is set. Set EMABLER_API_KEY, and EMABLER_API_VERSION and EMABLER_ENVIRONMENT "
            "where they are not v2 and production."
        )
    return open_api(
        version=chosen.emabler_api_version,
        environment=chosen.emabler_environment,
        api_key=chosen.emabler_api_key,
        client_id=chosen.emabler_client_id,
        base_url=chosen.emabler_base_url,
    )
