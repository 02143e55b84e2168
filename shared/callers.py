"""Who may ask over HTTP: eMabler, which shows the `Authorization` value that the operator configured there.

The value is sent as it is, without a scheme in front ("Webhook", `Authorization: <Authorization>`), so it is compared
whole. Several may be good at once, so that a new one can be added before the old one is taken away.
"""

import hmac
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from shared.key_vault import WHAT_TO_DO, is_unresolved

TAPS: Final = ("REALTIME_AUTH_TOKENS",)
WEBHOOK: Final = ("PUSH_WEBHOOK_TOKENS", "REALTIME_AUTH_TOKENS")
HEALTH: Final = ("HEALTH_TOKENS", "REALTIME_AUTH_TOKENS")
"""Settings that hold the values, separated by commas; the first one that is set counts."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, repr=False)
class Callers:
    """Those who know one of the tokens."""

    tokens: tuple[bytes, ...]

    @classmethod
    def of(cls, text: str | None) -> Self:
        """Those who know one of the values of a setting; nobody, where it has none."""
        return cls(
            tuple(token.strip().encode("utf-8", "surrogatepass") for token in (text or "").split(",") if token.strip())
        )

    def admits(self, authorization: str | None) -> bool:
        """Whether the value of an Authorization header is one of the tokens.

        Every token is compared, each in constant time, so that the time taken tells nothing about any of them.
        """
        shown = (authorization or "").encode("utf-8", "surrogatepass")
        matches = [hmac.compare_digest(shown, token) for token in self.tokens]
        return any(matches)


def callers(settings: tuple[str, ...], environment: Mapping[str, str] = os.environ) -> Callers:
    """Who may ask, as the environment says now: a change of it counts with the next request.

    Nobody, where the setting that counts is a reference to Key Vault without its secret: anybody could guess that.
    """
    for name in settings:
        if (text := environment.get(name, "")).strip():
            return _parsed(name, text)
    return Callers(())


@lru_cache(maxsize=8)
def _parsed(name: str, text: str) -> Callers:
    if is_unresolved(text):
        _log.error("nobody is let in: %s %s", name, WHAT_TO_DO)
        return Callers(())
    return Callers.of(text)
