"""Which HTTP function answers a path: route templates as in ASP.NET, which the real host uses; pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from local.functions_host.errors import HostError
from local.functions_host.worker import IndexedFunction

_SEGMENT_PARAMETER = re.compile(r"\{(?P<catch_all>\*?)(?P<name>\w+)(?::(?P<constraint>\w+))?(?P<optional>\??)\}")

# The constraints of https://learn.microsoft.com/aspnet/core/fundamentals/routing#route-constraints that apps here use.
_CONSTRAINTS = {
    None: r"[^/]+",
    "int": r"-?\d+",
    "long": r"-?\d+",
    "alpha": r"[A-Za-z]+",
    "guid": r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
}


@dataclass(frozen=True)
class Route:
    """One HTTP function with its methods (none: every method) and its path, which starts with the prefix."""

    function: IndexedFunction
    methods: frozenset[str]
    path: str
    pattern: re.Pattern[str] = field(repr=False)

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The route parameters when the request is for this function, None when it is not."""
        found = self.pattern.fullmatch(path)
        if found is None or (self.methods and method not in self.methods):
            return None
        return {name: value for name, value in found.groupdict().items() if value}


def route_of(function: IndexedFunction, prefix: str) -> Route:
    """The route of a function with an httpTrigger; its name is the path where the binding gives none.

    Raises HostError for a template this host cannot read.
    """
    template = function.trigger.get("route") or function.name
    path = "/" + "/".join(segment for part in (prefix, template) for segment in part.split("/") if segment)
    methods = frozenset(str(method).upper() for method in function.trigger.get("methods") or ())
    return Route(function, methods, path, _pattern(path))


def by_precedence(routes: Sequence[Route]) -> list[Route]:
    """Fixed paths before those with parameters, and these before those that catch all, as in ASP.NET."""
    return sorted(routes, key=lambda route: ("{*" in route.path, route.path.count("{"), -route.path.count("/")))


def _pattern(path: str) -> re.Pattern[str]:
    segments = (_segment_pattern(segment) for segment in path.strip("/").split("/"))
    return re.compile("".join(segments) + "/?", re.IGNORECASE)


def _segment_pattern(segment: str) -> str:
    parameter = _SEGMENT_PARAMETER.fullmatch(segment)
    if parameter is None:
        if "{" in segment:
            raise HostError(f'The route segment "{segment}" is not supported: use {{name}}, {{name?}} or {{*name}}.')
        return "/" + re.escape(segment)
    if parameter["catch_all"]:
        return f"(?:/(?P<{parameter['name']}>.*))?"
    if parameter["constraint"] not in _CONSTRAINTS:
        raise HostError(f'The route constraint in "{segment}" is not supported: use int, long, alpha or guid.')
    pattern = f"/(?P<{parameter['name']}>{_CONSTRAINTS[parameter['constraint']]})"
    return f"(?:{pattern})?" if parameter["optional"] else pattern
