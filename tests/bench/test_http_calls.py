"""Calls over open connections: what is counted, from when on, and that a wrong answer is not counted at all."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from bench.http_calls import Call, Latencies, at_rate, connections_to, one_after_the_other

ANSWER = b'{"a": 1}'


@asynccontextmanager
async def _server(answer=ANSWER, status="200 OK"):
    """Answers every request; yields its URL, the bodies it got and an event without which it does not answer."""
    bodies, may_answer = [], asyncio.Event()

    async def serve(reader, writer):
        while head := await reader.readline():
            assert head == b"POST /asked?b=2 HTTP/1.1\r\n"
            headers = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert b"authorization: secret\r\n" in headers
            bodies.append(await reader.readexactly(int(headers.split(b"content-length: ")[1].split(b"\r\n")[0])))
            await may_answer.wait()
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(answer)}\r\n\r\n".encode() + answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/asked?b=2", bodies, may_answer


def test_percentiles_are_times_that_were_taken():
    """By nearest rank, as most tools do: of a hundred the 99th, and never one between two."""
    latencies = Latencies.of((number / 1000 for number in range(100, 0, -1)), seconds=0.5)

    assert [latencies.percentile(percent) for percent in (1, 50, 99, 100)] == pytest.approx([1, 50, 99, 100])
    assert latencies.answers_a_second == 200


async def test_every_call_is_made_once_over_the_connections():
    """In order, one at a time on each."""
    async with _server() as (url, bodies, may_answer):
        may_answer.set()
        calls = [Call.post(url, f"{number}".encode(), ANSWER, "secret") for number in range(5)]
        async with connections_to(url, 2) as connections:
            latencies = await one_after_the_other(connections, calls)

    assert sorted(bodies) == [b"0", b"1", b"2", b"3", b"4"]
    assert len(latencies.milliseconds) == 5


@pytest.mark.parametrize(("answer", "status"), [(b"{}", "200 OK"), (ANSWER, "500 Internal Server Error")])
async def test_a_wrong_answer_stops_the_measurement(answer, status):
    """Figures of refusals and faults would look like good ones."""
    async with _server(answer, status) as (url, _, may_answer):
        may_answer.set()
        async with connections_to(url, 1) as connections:
            with pytest.raises(ExceptionGroup) as raised:
                await one_after_the_other(connections, [Call.post(url, b"", ANSWER, "secret")])

    assert raised.group_contains(RuntimeError, match="wanted")


async def test_calls_at_a_rate_count_from_when_they_are_due():
    """Two calls, one connection, and an answer that waits: the second one's time begins before it is even sent."""
    async with _server() as (url, bodies, may_answer):
        call = Call.post(url, b"", ANSWER, "secret")
        async with connections_to(url, 1) as connections:
            asking = asyncio.create_task(at_rate(connections, [call] * 2, calls_a_second=1000))
            asyncio.get_running_loop().call_later(0.1, may_answer.set)
            latencies = await asking

    assert len(bodies) == 2
    assert min(latencies.milliseconds) > 50
