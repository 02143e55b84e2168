"""Sample apps to host, and the settings they need."""

from pathlib import Path

import pytest

_SAMPLE_APPS = Path(__file__).parent / "sample_apps"


@pytest.fixture
def web_app(monkeypatch):
    """The folder of an app with HTTP functions and a timer that is not due while a test runs."""
    monkeypatch.setenv("SAMPLE_SCHEDULE", "0 0 0 1 1 *")
    return _SAMPLE_APPS / "web"


@pytest.fixture
def queue_app(monkeypatch):
    """The folder of an app that listens to a queue and to a topic's subscription."""
    monkeypatch.setenv("SAMPLE_QUEUE", "charger-queue")
    return _SAMPLE_APPS / "queue"


@pytest.fixture
def kafka_app():
    """The folder of an app that listens to the topic PUSH_EVENTS_TOPIC of the brokers KAFKA_BROKER_LIST."""
    return _SAMPLE_APPS / "kafka"


@pytest.fixture
def make_app(tmp_path):
    """Makes an app of the given source text; returns its folder."""

    def make(source: str) -> Path:
        (tmp_path / "function_app.py").write_text(source)
        (tmp_path / "host.json").write_text('{"version": "2.0"}')
        return tmp_path

    return make
