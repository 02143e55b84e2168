"""Verifies shared access signatures.

Source: "Service Bus access control with Shared Access Signatures": the signature is the base64 of an HMAC-SHA256 with
the key over the URL-encoded resource, a line feed and the expiry in seconds since 1970.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qs, quote_plus

from local.servicebus.engine.errors import UnauthorizedError
from local.servicebus.wire.addresses import covers, entity_path

_SCHEME = "SharedAccessSignature "


def authorized_scope(token: str, audience: str, keys: Mapping[str, str], now: float) -> str:
    """Return the entity path a put-token request opens; raises UnauthorizedError with the reason.

    `keys` are the shared access keys by name, `now` is in seconds since 1970.
    """
    if not token.startswith(_SCHEME):
        raise UnauthorizedError("The stand-in verifies shared access signatures only; use its connection string.")
    fields = {name: values[0] for name, values in parse_qs(token.removeprefix(_SCHEME)).items()}
    try:
        resource, signature, expiry, key_name = fields["sr"], fields["sig"], fields["se"], fields["skn"]
        expires_at = int(expiry)
    except (KeyError, ValueError):
        raise UnauthorizedError("MalformedToken: sr, sig, se and skn are needed.") from None
    key = keys.get(key_name)
    if key is None or not hmac.compare_digest(_signature(key, resource, expiry), signature):
        raise UnauthorizedError("InvalidSignature: The token has an invalid signature.")
    if expires_at <= now:
        raise UnauthorizedError("ExpiredToken: The token is expired.")
    scope = entity_path(audience)
    if not covers(entity_path(resource), scope):
        raise UnauthorizedError("InvalidAudience: The token was signed for another entity.")
    return scope


def _signature(key: str, resource: str, expiry: str) -> str:
    signed = f"{quote_plus(resource)}\n{expiry}".encode()
    return base64.b64encode(hmac.new(key.encode(), signed, hashlib.sha256).digest()).decode()
