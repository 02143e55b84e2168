"""What the addresses in attaches and tokens name."""

from urllib.parse import urlsplit

CBS_NODE = "$cbs"
MANAGEMENT_SUFFIX = "/$management"


def entity_path(address: str | None) -> str:
    """Return the entity path of an address: `sb://host:port/queue` and `/queue` both name `queue`."""
    if not address:
        return ""
    path = urlsplit(address).path if "://" in address else address
    return path.strip("/")


def covers(scope: str, path: str) -> bool:
    """Say whether a token for the entity `scope` is good for `path`: the entity itself, and all below it."""
    scope, path = scope.lower(), path.lower()
    return scope in ("", path) or path.startswith(scope + "/")
