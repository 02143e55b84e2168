"""Whom telemetry goes to, when that starts, and that nothing is lost until then."""

import gzip
import logging
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from azure.monitor.opentelemetry._constants import _ALL_SUPPORTED_INSTRUMENTED_LIBRARIES

from shared import exporting, telemetry
from shared.exporting import INSTRUMENTED_LIBRARIES, Exporter, Lines, chosen_exporter, start_later

AZURE, OTLP, CONSOLE = exporting.SETTINGS.values()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({AZURE: " "}, None),
        ({CONSOLE: "1"}, Exporter.CONSOLE),
        ({OTLP: "http://localhost:4318"}, Exporter.OTLP),
        ({AZURE: "InstrumentationKey=x"}, Exporter.AZURE_MONITOR),
        ({AZURE: "InstrumentationKey=x", OTLP: "http://localhost:4318", CONSOLE: "1"}, Exporter.AZURE_MONITOR),
    ],
)
def test_there_is_one_exporter(environment, expected):
    """Two would tell everything twice."""
    assert chosen_exporter(environment) is expected


def test_without_an_exporter_nothing_starts():
    """And nothing is kept for one."""
    before = threading.active_count(), list(logging.getLogger().handlers)

    assert start_later({}) is None
    assert (threading.active_count(), list(logging.getLogger().handlers)) == before


def test_no_library_is_instrumented_by_itself():
    """Addresses hold keys and tags; the distribution's list must not grow unseen."""
    assert set(INSTRUMENTED_LIBRARIES) == set(_ALL_SUPPORTED_INSTRUMENTED_LIBRARIES)


class _Kept(logging.Handler):
    def __init__(self):
        super().__init__()
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())


def test_lines_wait_for_the_exporter_and_arrive_once():
    """Those from before it and those after."""
    lines, exporter, log = Lines(), _Kept(), logging.Logger("lines")  # noqa: LOG001  # apart from the others
    log.addHandler(lines)
    log.info("before")
    lines.hand_to(exporter)
    log.info("after")

    assert exporter.messages == ["before", "after"]


def test_an_exporter_that_cannot_start_is_told_of_and_harms_nothing(monkeypatch, caplog):
    """Nothing waits any longer, and the text of the error, which could hold the key, is not repeated."""

    def fail():
        raise ValueError("InstrumentationKey=secret-key")

    monkeypatch.setitem(exporting._STARTS, Exporter.AZURE_MONITOR, fail)
    monkeypatch.setattr(exporting, "START_AFTER_SECONDS", 0.0)
    timer = start_later({AZURE: "anything"})
    timer.join()

    assert f"telemetry is not exported to azure-monitor error=ValueError; check {AZURE}" in caplog.text
    assert "secret-key" not in caplog.text
    assert not telemetry._early.is_waiting
    assert not any(isinstance(handler, Lines) for handler in logging.getLogger().handlers)


TELL = """
import logging, time
from shared import exporting, telemetry
exporting.START_AFTER_SECONDS = 0.1
logging.getLogger().setLevel(logging.INFO)
timer = exporting.start_later()
telemetry.TAPS.record(answer="allowed", rule="told-early")
logging.getLogger("shared").info("a line told early")
timer.join()
with telemetry.span("answer tap"):
    pass
"""


def _telling(**environment):
    """What a process prints that tells something and ends."""
    told = subprocess.run(  # our own words
        [sys.executable, "-c", TELL],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )
    return told.stderr


def test_the_console_shows_metrics_and_spans():
    """On the way out, at the latest."""
    shown = _telling(TELEMETRY_CONSOLE="1")

    assert "told-early" in shown
    assert '"name": "answer tap"' in shown


def test_a_collector_gets_metrics_spans_and_lines():
    """By OTLP over HTTP."""
    received = {}

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):  # the name that the base class calls
            body = self.rfile.read(int(self.headers["Content-Length"]))
            body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            received[self.path] = received.get(self.path, b"") + body
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        _telling(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()

    assert b"told-early" in received["/v1/metrics"]
    assert b"answer tap" in received["/v1/traces"]
    assert b"a line told early" in received["/v1/logs"]


def test_there_is_nothing_to_flush_without_an_exporter(monkeypatch):
    """A timer's run must not wait for what nobody will ever start."""
    for setting in exporting.SETTINGS.values():
        monkeypatch.delenv(setting, raising=False)
    monkeypatch.setattr(exporting, "START_AFTER_SECONDS", 1000.0)

    exporting.flush()
