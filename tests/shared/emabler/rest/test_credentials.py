"""The key reaches eMabler and nobody else."""

import logging

import httpx
import pytest
from pydantic import SecretStr

from shared.emabler.rest.credentials import STRUCK_OUT, Credentials, KeyScrubber
from shared.emabler.rest.opening import open_api
from shared.errors import ConfigurationError
from tests.shared.emabler.rest.support import (
    CHARGER,
    KEY,
    KEY_IN_A_URL,
    ScriptedEmabler,
    assert_key_is_nowhere,
    limits,
    opened,
)


async def test_v1_has_key_and_client_id_in_the_query():
    """As its documents say, whatever the key's characters are, and beside the question's own parameters."""
    emabler = ScriptedEmabler(httpx.Response(200, json=CHARGER["v1"]))

    await opened("v1", emabler.network()).charger("C1", limits())

    (request,) = emabler.requests
    assert dict(request.url.params) == {"code": KEY, "clientId": "client-7"}
    assert f"code={KEY_IN_A_URL}" in str(request.url)
    assert "x-api-key" not in request.headers


async def test_v2_has_the_key_in_a_header():
    """And nothing of it in the URL."""
    emabler = ScriptedEmabler(httpx.Response(200, json=CHARGER["v2"]))

    await opened("v2", emabler.network()).charger("C1", limits())

    (request,) = emabler.requests
    assert request.headers["x-api-key"] == KEY
    assert not request.url.query


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_what_httpx_logs_has_the_url_without_the_key(version, caplog):
    """The line that httpx writes for every request at INFO, which a poller turns off and others may not."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="httpx")
    emabler = ScriptedEmabler(httpx.Response(200, json=CHARGER[version]))

    await opened(version, emabler.network()).charger("C1", limits())

    assert "HTTP Request: GET http://127.0.0.1:9/base" in caplog.text
    assert_key_is_nowhere(caplog.text)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_nothing_shows_the_key_in_its_repr(version):
    """A repr ends up in traces and in debuggers' screenshots."""
    api = opened(version)
    credentials = (Credentials.for_v2(SecretStr(KEY)), Credentials.for_v1(SecretStr(KEY), "client-7"))

    assert_key_is_nowhere(repr(api), repr(vars(api)), *map(repr, credentials))


@pytest.mark.parametrize(
    "name", ["httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy"]
)
@pytest.mark.parametrize("spelling", [KEY, KEY_IN_A_URL])
def test_the_scrubber_strikes_the_key_out_of_every_logger_below_us(name, spelling, caplog):
    """In the text and in its arguments; what surrounds the key stays."""
    scrubber = KeyScrubber(SecretStr(KEY))
    scrubber.install()
    try:
        with caplog.at_level(logging.DEBUG, logger=name):
            logging.getLogger(name).debug("url=%s end", f"https://host/?code={spelling}&x=1")
    finally:
        scrubber.remove()

    (record,) = caplog.records
    assert record.getMessage() == f"url=https://host/?code={STRUCK_OUT}&x=1 end"


async def test_a_closed_api_leaves_no_filter_behind():
    """Opening and closing many times must not make logging slower and slower."""
    before = list(logging.getLogger("httpcore.http11").filters)

    await opened("v1").close()

    assert logging.getLogger("httpcore.http11").filters == before


@pytest.mark.parametrize("key", ["", " ", "two words", "line\nbreak", "umläut", 'quo"te', "back\\slash"])
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_key_that_no_header_can_hold_is_refused_without_being_repeated(version, key):
    """An HTTP library that meets it would quote it."""
    with pytest.raises(ConfigurationError) as caught:
        open_api(version=version, environment="test", api_key=SecretStr(key), client_id="client-7")

    assert "EMABLER_API_KEY" in str(caught.value)
    assert not key.strip() or key not in str(caught.value)
