"""local.settings.json, host.json and setting references."""

import json
from pathlib import Path

import pytest

from local.functions_host.configuration import (
    HostOptions,
    apply_local_settings,
    read_host_json,
    resolve_references,
)
from local.functions_host.errors import HostError


def _settings_file(folder, content):
    path = folder / "local.settings.json"
    path.write_text(json.dumps(content))
    return path


def test_values_become_environment_but_the_environment_wins(tmp_path):
    """A setting given on the command line is not overwritten by the file."""
    environment = {"EVENT_SHARDS": "8"}

    apply_local_settings(
        _settings_file(tmp_path, {"IsEncrypted": False, "Values": {"EVENT_SHARDS": "4", "PUSH_EVENTS_QUEUE": "q"}}),
        environment,
    )

    assert environment == {"EVENT_SHARDS": "8", "PUSH_EVENTS_QUEUE": "q"}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"IsEncrypted": True, "Values": {}}, "encrypted"),
        ({"Values": {"EVENT_SHARDS": 4}}, "EVENT_SHARDS must be a text"),
        ([], "must hold a JSON object"),
    ],
)
def test_unusable_settings_say_what_to_change(tmp_path, content, complaint):
    """A settings file Core Tools would not take is refused with the reason."""
    with pytest.raises(HostError, match=complaint):
        apply_local_settings(_settings_file(tmp_path, content), {})


def test_missing_and_malformed_files_are_named(tmp_path):
    """The path of a file that cannot be read is in the error."""
    with pytest.raises(HostError, match=r"host\.json is missing"):
        read_host_json(tmp_path)
    (tmp_path / "host.json").write_text("{")
    with pytest.raises(HostError, match=r"host\.json is no valid JSON"):
        read_host_json(tmp_path)


def test_host_json_is_read_with_the_real_defaults(tmp_path):
    """What host.json leaves out has the value it has in Azure."""
    (tmp_path / "host.json").write_text('{"extensions": {"serviceBus": {"maxMessageBatchSize": 32}}}')

    assert HostOptions(max_message_batch_size=32) == read_host_json(tmp_path)
    assert (
        HostOptions().route_prefix,
        HostOptions().max_concurrent_calls,
        HostOptions().prefetch_count,
        HostOptions().auto_complete_messages,
    ) == ("api", 16, 0, True)


def test_references_are_replaced_by_settings():
    """`%NAME%` in a queue's name or a schedule is the setting's value; other text stays."""
    assert resolve_references("eu-%PUSH_EVENTS_QUEUE%", {"PUSH_EVENTS_QUEUE": "push-events"}) == "eu-push-events"
    assert resolve_references("push-events", {}) == "push-events"


def test_missing_setting_is_named():
    """The error says which setting to add."""
    with pytest.raises(HostError, match="PUSH_EVENTS_QUEUE is not set"):
        resolve_references("%PUSH_EVENTS_QUEUE%", {})


def test_committed_sample_is_usable_as_it_is():
    """A copy of local.settings.sample.json gives the app its connections."""
    environment = {}

    apply_local_settings(Path(__file__).parents[3] / "local.settings.sample.json", environment)

    assert environment["PUSH_EVENTS_QUEUE"] == "push-events"
    assert "UseDevelopmentEmulator=true" in environment["ServiceBusConnection"]
