"""Route templates of HTTP functions."""

import pytest

from local.functions_host.errors import HostError
from local.functions_host.routes import by_precedence, route_of
from local.functions_host.worker import IndexedFunction


def _route(template, prefix="api", methods=None):
    trigger = {"type": "httpTrigger", "name": "req", "route": template, "methods": methods}
    return route_of(IndexedFunction("health", "id", (trigger,)), prefix)


@pytest.mark.parametrize(
    ("template", "prefix", "path"),
    [
        ("health", "api", "/api/health"),
        (None, "api", "/api/health"),
        ("health", "", "/health"),
        ("/health/", "/v1/api/", "/v1/api/health"),
    ],
)
def test_path_is_the_prefix_and_the_route_or_the_name(template, prefix, path):
    """host.json's prefix comes first, and a function without a route is found by its name."""
    assert path == _route(template, prefix).path


@pytest.mark.parametrize(
    ("template", "path", "parameters"),
    [
        ("chargers/{id}", "/api/chargers/a-1", {"id": "a-1"}),
        ("chargers/{id}", "/API/Chargers/a-1/", {"id": "a-1"}),
        ("chargers/{id}", "/api/chargers/a/b", None),
        ("chargers/{id:int}", "/api/chargers/-12", {"id": "-12"}),
        ("chargers/{id:int}", "/api/chargers/twelve", None),
        ("chargers/{id?}", "/api/chargers", {}),
        ("{*rest}", "/api/chargers/a/b", {"rest": "chargers/a/b"}),
        ("a.b", "/api/axb", None),
    ],
)
def test_parameters_are_taken_from_the_path(template, path, parameters):
    """Parameters, constraints, optional and catch-all parameters mean what they mean in ASP.NET."""
    assert parameters == _route(template).match("GET", path)


def test_route_without_methods_takes_all_and_with_methods_only_these():
    """The binding's methods decide; without any, every method is served."""
    assert _route("health").match("DELETE", "/api/health") == {}
    assert _route("health", methods=["GET", "POST"]).match("POST", "/api/health") == {}
    assert _route("health", methods=["GET"]).match("POST", "/api/health") is None


def test_fixed_paths_win_over_parameters_and_these_over_catch_all():
    """The order of the functions in the app does not decide which of them answers."""
    routes = [_route("{*rest}"), _route("chargers/{id}"), _route("chargers/all")]

    assert [route.path for route in by_precedence(routes)] == [
        "/api/chargers/all",
        "/api/chargers/{id}",
        "/api/{*rest}",
    ]


@pytest.mark.parametrize("template", ["chargers/{id:regex(^a)}", "chargers/{id:range}", "chargers/x{id}"])
def test_template_that_cannot_be_served_is_refused(template):
    """A template this host does not know is an error at the start and not a route that never matches."""
    with pytest.raises(HostError, match="is not supported"):
        _route(template)
