"""Everything that can go wrong on the way to eMabler and back, against both clients, over real sockets."""

import gzip
import logging
import socket
import time

import pytest

from shared.emabler.rest import transport
from shared.emabler.rest.errors import (
    ContractBroken,
    CredentialsRefused,
    EmablerUnavailable,
    NotFound,
    PermissionMissing,
    RateLimited,
    RequestRefused,
    WrongAddress,
)
from shared.emabler.rest.retries import MAX_ATTEMPTS
from shared.instants import Instant
from tests.shared.emabler.rest.support import (
    KEY,
    KEY_IN_A_URL,
    VERSIONS,
    assert_key_is_nowhere,
    everything_told_by,
    limits,
    opened,
    serving,
)

START, END = Instant.from_iso("2025-04-02T00:00:00.0000000Z"), Instant.from_iso("2025-04-03T00:00:00.0000000Z")


def http(status, body=b"", *headers):
    """An answer's bytes."""
    lines = [f"HTTP/1.1 {status} Whatever", "Connection: close", *headers]
    if not any(header.startswith(("Content-Length", "Transfer-Encoding")) for header in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


HTML = b"<html><body>We are down for maintenance</body></html>"
FAULTS = {
    "401": (http(401), CredentialsRefused, 1),
    "403": (http(403, b"{}"), PermissionMissing, 1),
    "404": (http(404, b'{"errorCode":"NotFound"}'), (NotFound, WrongAddress), 1),
    "400": (http(400, b'{"detail":"tag TAG123 is wrong"}'), RequestRefused, 1),
    "408": (http(408), EmablerUnavailable, MAX_ATTEMPTS),
    "429": (http(429), RateLimited, MAX_ATTEMPTS),
    "429 for longer than the run": (http(429, b"", "Retry-After: 3600"), RateLimited, 1),
    "429 until a date past the run": (
        http(429, b"", "Retry-After: Fri, 31 Dec 2999 23:59:59 GMT"),
        RateLimited,
        1,
    ),
    "500": (http(500, b'{"errorCode":"E17","message":"TAG123"}'), EmablerUnavailable, MAX_ATTEMPTS),
    "502": (http(502, HTML), EmablerUnavailable, MAX_ATTEMPTS),
    "503": (http(503, HTML), EmablerUnavailable, MAX_ATTEMPTS),
    "504": (http(504), EmablerUnavailable, MAX_ATTEMPTS),
    "HTML with 200": (http(200, HTML, "Content-Type: text/html"), ContractBroken, 1),
    "another shape": (http(200, b'{"message":"fine"}'), ContractBroken, 1),
    "HTML that repeats the question": (http(200, f"<a href='?code={KEY}'>TAG123</a>".encode()), ContractBroken, 1),
    "a number": (http(200, b"7"), ContractBroken, 1),
    "an empty body": (http(200), ContractBroken, 1),
    "no content": (http(204), ContractBroken, 1),
    "half of the JSON": (http(200, b'{"chargerId":"C1","items":[{"char'), ContractBroken, 1),
    "fewer bytes than announced": (http(200, b'{"charger', "Content-Length: 900"), EmablerUnavailable, MAX_ATTEMPTS),
    "a chunk cut off": (
        http(200, b"90\r\n{", "Transfer-Encoding: chunked"),
        EmablerUnavailable,
        MAX_ATTEMPTS,
    ),
    "no gzip where it says gzip": (http(200, b"{}", "Content-Encoding: gzip"), ContractBroken, 1),
    "no HTTP": (f"{KEY} is what you sent me\r\n\r\n".encode(), EmablerUnavailable, MAX_ATTEMPTS),
    "nothing": (b"", EmablerUnavailable, MAX_ATTEMPTS),
    "a redirect with the key": (
        http(302, b"", f"Location: https://elsewhere.example/?code={KEY_IN_A_URL}&key={KEY}"),
        WrongAddress,
        1,
    ),
    "the key in the body": (http(400, f"bad request: code={KEY}".encode()), RequestRefused, 1),
}


async def ask_for_a_charger(api, run):
    """The call that names one thing."""
    await api.charger("C1", run)


async def ask_for_sessions(api, run):
    """The call that is a list, and a POST."""
    async for _ in api.sessions(START, END, run):
        pass


CALLS = (ask_for_a_charger, ask_for_sessions)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_every_fault_is_named_by_what_to_do_and_shows_no_key(fault, version, call, caplog):
    """The right class, after the right number of calls, and the key in no log line of any library and in no error."""
    caplog.set_level(logging.DEBUG)
    answer, expected, calls = FAULTS[fault]
    run = limits(seconds=20)
    async with serving(answer) as base_url:
        api = opened(version, base_url=base_url)
        with pytest.raises(expected) as caught:
            await call(api, run)
        await api.close()

    assert run.budget.spent == calls
    assert_key_is_nowhere(caplog.text, everything_told_by(caught.value))
    assert "TAG123" not in everything_told_by(caught.value)
    assert "httpcore" in caplog.text


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("call", "expected"), [(CALLS[0], NotFound), (CALLS[1], WrongAddress)])
async def test_404_is_about_the_thing_that_was_named_or_else_about_the_address(version, call, expected):
    """A charger may be missing; the list of sessions is there for every account."""
    async with serving(http(404)) as base_url:
        api = opened(version, base_url=base_url)
        with pytest.raises(expected):
            await call(api, limits())
        await api.close()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("call", "permission"), [(CALLS[0], "ReadChargers"), (CALLS[1], "ReadSessions")])
async def test_403_names_the_permission_that_is_probably_missing(version, call, permission):
    """So that an operator knows what to tick."""
    async with serving(http(403)) as base_url:
        api = opened(version, base_url=base_url)
        with pytest.raises(PermissionMissing, match=permission) as caught:
            await call(api, limits())
        await api.close()

    assert caught.value.permission == permission


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("pieces", [(), (http(200, b"", "Content-Length: 9"),)], ids=["no answer", "half an answer"])
async def test_a_hanging_server_costs_no_more_than_the_run_has(pieces, version, call):
    """The run's deadline ends a call that would take all of the time-out."""
    started = time.monotonic()
    async with serving(*pieces, then_hang=True) as base_url:
        api = opened(version, base_url=base_url)
        with pytest.raises(EmablerUnavailable):
            await call(api, limits(seconds=0.2))
        await api.close()

    assert time.monotonic() - started < 2


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_answer_that_trickles_is_cut_off(version, monkeypatch):
    """Every byte comes in time and the whole does not: the time of a call counts, not that of a read."""
    monkeypatch.setattr(transport, "CALL_SECONDS", 0.15)
    drops = [b"1\r\n \r\n"] * 100
    started = time.monotonic()
    async with serving(http(200, b"", "Transfer-Encoding: chunked"), *drops, pause_seconds=0.05) as base_url:
        api = opened(version, base_url=base_url)
        with pytest.raises(EmablerUnavailable, match="no whole answer"):
            await api.charger("C1", limits())
        await api.close()

    assert time.monotonic() - started < 3


@pytest.mark.parametrize("compresses", [False, True])
@pytest.mark.parametrize("version", VERSIONS)
async def test_an_answer_longer_than_we_read_is_not_kept_in_memory(version, compresses, monkeypatch):
    """Counted as it comes, and after it was decompressed."""
    monkeypatch.setattr(transport, "MAX_ANSWER_BYTES", 1000)
    body = b'"' + b"x" * 5000 + b'"'
    answer = http(200, gzip.compress(body), "Content-Encoding: gzip") if compresses else http(200, body)
    async with serving(answer) as base_url:
        api = opened(version, base_url=base_url)
        with pytest.raises(ContractBroken, match="1000 bytes"):
            await api.charger("C1", limits())
        await api.close()


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_refused_connection_is_temporary(version, caplog):
    """Nobody listens there: asked again a few times, then for the next run."""
    caplog.set_level(logging.DEBUG)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        api = opened(version, base_url=f"http://127.0.0.1:{taken.getsockname()[1]}/base")
        run = limits()
        with pytest.raises(EmablerUnavailable) as caught:
            await api.charger("C1", run)
        await api.close()

    assert run.budget.spent == MAX_ATTEMPTS
    assert not caught.value.was_sent
    assert_key_is_nowhere(caplog.text, everything_told_by(caught.value))


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_type_an_answer_claims_to_be_does_not_matter(version):
    """v1 is known to say text/plain; what counts is whether it is JSON, with or without a byte order mark."""
    body = b'\xef\xbb\xbf{"chargerId":"C1"}'
    async with serving(http(200, body, "Content-Type: text/html")) as base_url:
        api = opened(version, base_url=base_url)
        charger = await api.charger("C1", limits())
        await api.close()

    assert charger.charger_id == "C1"
