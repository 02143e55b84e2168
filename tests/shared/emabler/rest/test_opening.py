"""Which API the settings choose, and which addresses get to see a key."""

import httpx
import pytest
from pydantic import SecretStr

from shared.emabler.rest.addresses import ApiVersion
from shared.emabler.rest.opening import open_api
from shared.errors import ConfigurationError
from tests.shared.emabler.rest.support import CHARGER, KEY, ScriptedEmabler, limits


def chosen(**settings):
    """Opened with these settings, the rest as usual."""
    usual = {"version": "v2", "environment": "test", "api_key": SecretStr(KEY), "client_id": "client-7"}
    return open_api(**{**usual, **settings})


@pytest.mark.parametrize(
    ("version", "environment", "url"),
    [
        ("v1", "test", "https://api.emabler.net/api/charger/C1"),
        ("v1", "production", "https://api.emabler.io/api/charger/C1"),
        ("v2", "test", "https://api.emabler.net/api/v2/cpo/v2/chargers/C1"),
        ("v2", "staging", "https://api-staging.emabler.net/api/v2/cpo/v2/chargers/C1"),
        ("v2", "production", "https://api.emabler.io/api/v2/cpo/v2/chargers/C1"),
        ("V2", " Production ", "https://api.emabler.io/api/v2/cpo/v2/chargers/C1"),
    ],
)
async def test_version_and_environment_choose_the_address(version, environment, url):
    """v2's paths carry their own version after the base's."""
    emabler = ScriptedEmabler(httpx.Response(200, json={"chargerId": "C1"}))
    api = chosen(version=version, environment=environment, network=emabler.network())

    await api.charger("C1", limits())

    assert str(emabler.requests[0].url).split("?")[0] == url
    assert api.version is ApiVersion(version.lower())


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"version": "v3"}, "EMABLER_API_VERSION"),
        ({"version": ""}, "EMABLER_API_VERSION"),
        ({"environment": "prod"}, "EMABLER_ENVIRONMENT"),
        ({"version": "v1", "environment": "staging"}, "EMABLER_ENVIRONMENT"),
        ({"version": "v1", "client_id": None}, "EMABLER_CLIENT_ID"),
        ({"version": "v1", "client_id": "a b"}, "EMABLER_CLIENT_ID"),
    ],
)
def test_a_choice_that_does_not_exist_names_its_setting(settings, named):
    """So that it is known what to set."""
    with pytest.raises(ConfigurationError, match=named):
        chosen(**settings)


@pytest.mark.parametrize(
    "base_url",
    ["https://emabler.example/api/", "http://127.0.0.1:7072/api", "http://localhost/api", "http://[::1]:80/"],
)
@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_a_base_url_stands_in_for_the_environments_own(version, base_url):
    """HTTPS anywhere, HTTP on this machine, with or without a slash at the end, whatever the environment."""
    emabler = ScriptedEmabler(httpx.Response(200, json=CHARGER[version]))
    api = chosen(version=version, base_url=base_url, environment="none", network=emabler.network())

    await api.charger("C1", limits())

    url = str(emabler.requests[0].url)
    assert url.startswith(base_url.replace(":80/", "/").rstrip("/") + "/")
    assert "//" not in url.removeprefix("https://").removeprefix("http://")


@pytest.mark.parametrize(
    "base_url",
    [
        "http://emabler.example/api",
        "http://127.0.0.1.emabler.example/api",
        "http://10.0.0.1/",
        "ftp://localhost/",
        "emabler.example/api",
        "https://",
        "https://user:secret-word@emabler.example/",
        "https://emabler.example/?code=secret-word",
        "https://emabler.example/#secret-word",
        "https://emabler.example:many/secret-word",
        "http://[::1/secret-word",
        "",
    ],
)
def test_an_address_that_would_give_the_key_away_is_refused(base_url):
    """And not repeated, because it may hold a key itself."""
    with pytest.raises(ConfigurationError, match="EMABLER_BASE_URL") as caught:
        chosen(base_url=base_url)

    assert "secret-word" not in str(caught.value)
