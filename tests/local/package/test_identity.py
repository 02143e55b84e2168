"""A deployed app has no connection string: its clients are made from the settings of identities."""

import json
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

DRILL = Path(__file__).parent / "identity_drill.py"

IDENTITY_OF_TABLES = "11111111-aaaa-4bbb-8ccc-000000000001"
IDENTITY_OF_QUEUE = "22222222-aaaa-4bbb-8ccc-000000000002"
SETTINGS = {
    "ServiceBusConnection__fullyQualifiedNamespace": "events.servicebus.windows.net",
    "ServiceBusConnection__clientId": IDENTITY_OF_QUEUE,
    "EventStorage__tableServiceUri": "https://events.table.core.windows.net/",
    "EventStorage__clientId": IDENTITY_OF_TABLES,
}


@pytest.fixture
def identity_endpoint():
    """What Azure offers an app for its tokens: each one names what it is for, and whose it is.

    learn.microsoft.com, "Use managed identities for App Service and Azure Functions", section "REST endpoint".
    """

    class Endpoint(BaseHTTPRequestHandler):
        def do_GET(self):
            asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            is_known = self.headers["X-IDENTITY-HEADER"] == "from-the-platform"
            answer = {
                "access_token": f"{asked.get('client_id')} for {asked.get('resource')}",
                "expires_on": "4102444800",
                "resource": asked.get("resource"),
                "token_type": "Bearer",
            }
            self.send_response(200 if is_known else 401)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_arguments):
            """Nobody reads its log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield {
        "IDENTITY_ENDPOINT": f"http://127.0.0.1:{server.server_port}/msi/token",
        "IDENTITY_HEADER": "from-the-platform",
    }
    server.shutdown()
    server.server_close()


def test_the_clients_are_made_from_identities_alone(unpacked, tmp_path, out_of_sight, identity_endpoint):
    """Each asks as the identity that its own settings name, for the service it is for, and goes to that address."""
    shutil.copytree(unpacked, tmp_path / "wwwroot")
    shutil.copy(DRILL, tmp_path / "wwwroot")

    done = subprocess.run(
        [sys.executable, "-S", DRILL.name],
        cwd=tmp_path / "wwwroot",
        env=out_of_sight | identity_endpoint | SETTINGS,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    tables = {
        "endpoint": "https://events.table.core.windows.net",
        "credential": "ManagedIdentityCredential",
        "authorization": f"Bearer {IDENTITY_OF_TABLES} for https://storage.azure.com",
    }
    assert json.loads(done.stdout) == {
        "tables": tables,
        "tap_tables": tables,
        "queue": {
            "host": "events.servicebus.windows.net",
            "credential": "ManagedIdentityCredential",
            "authorization": f"Bearer {IDENTITY_OF_QUEUE} for https://servicebus.azure.net",
        },
    }
