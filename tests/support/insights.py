"""Application Insights' ingestion endpoint, as far as its exporter asks for it: what is told is kept for the test."""

import gzip
import json
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Insights:
    """What was told so far, as the envelopes of the ingestion API ("/v2.1/track")."""

    def __init__(self) -> None:
        self.url = ""
        # One of its own: what another test could not send is kept on disk under its key, and sent by whoever has it.
        self._key = uuid.uuid4()
        self._told: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    @property
    def connection_string(self) -> str:
        """For APPLICATIONINSIGHTS_CONNECTION_STRING."""
        return f"InstrumentationKey={self._key};IngestionEndpoint={self.url}/"

    def take(self, body: bytes) -> int:
        """Keep a request's envelopes; returns how many they are."""
        text = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        envelopes = json.loads(text) if text.lstrip().startswith(b"[") else list(map(json.loads, text.splitlines()))
        with self._lock:
            self._told += envelopes
        return len(envelopes)

    @property
    def text(self) -> str:
        """Everything, an envelope a line."""
        with self._lock:
            return "\n".join(json.dumps(envelope, ensure_ascii=False) for envelope in self._told)

    def of_type(self, base_type: str) -> list[dict[str, Any]]:
        """The envelopes of a type: MetricData, RemoteDependencyData, MessageData."""
        with self._lock:
            return [envelope for envelope in self._told if envelope["data"]["baseType"] == base_type]

    def totals(self, name: str, attribute: str | None = None) -> Counter[str]:
        """The sum of a metric over all that was told, by the values of an attribute."""
        totals: Counter[str] = Counter()
        for envelope in self.of_type("MetricData"):
            data = envelope["data"]["baseData"]
            for metric in data["metrics"]:
                if metric["name"] == name:
                    totals[data["properties"].get(attribute, "") if attribute else ""] += metric["value"]
        return totals

    def lines(self) -> list[str]:
        """The messages of the log."""
        return [envelope["data"]["baseData"]["message"] for envelope in self.of_type("MessageData")]

    def spans(self, name: str) -> list[dict[str, Any]]:
        """The spans of that name: their data with the ids of trace and parent."""
        return [
            envelope["data"]["baseData"]
            | {"trace": envelope["tags"]["ai.operation.id"], "parent": envelope["tags"].get("ai.operation.parentId")}
            for envelope in self.of_type("RemoteDependencyData")
            if envelope["data"]["baseData"]["name"] == name
        ]


@contextmanager
def serving_insights() -> Iterator[Insights]:
    """Serve it on loopback."""
    insights = Insights()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name that the base class calls
            received = insights.take(self.rfile.read(int(self.headers["Content-Length"])))
            answer = json.dumps({"itemsReceived": received, "itemsAccepted": received, "errors": []}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    insights.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield insights
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
