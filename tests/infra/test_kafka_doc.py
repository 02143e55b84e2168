"""docs/kafka.md names what is there: settings, parameters, alerts, reasons; and its links lead somewhere."""

import json
import re

import pytest

from shared import kafka
from tests.infra.agreement import parameters_file_on_disk
from tests.infra.reading import ROOT
from tests.infra.test_deploy_doc import _anchors
from tests.infra.watching import DEPENDING


@pytest.fixture(scope="module")
def document() -> str:
    """The document's text."""
    return (ROOT / "docs" / "kafka.md").read_text(encoding="utf-8")


def test_every_setting_is_in_its_table(document):
    """Each that is read, and each word that it may be."""
    table = "\n".join(line for line in document.splitlines() if line.startswith("| `"))
    assert [name for name in kafka.SETTINGS if f"`{name}`" not in table] == []
    assert [word for word in (*kafka.PROTOCOLS, *kafka.AUTHENTICATIONS) if f"`{word}`" not in table] == []
    assert f"`{kafka.DEFAULT_CONSUMER_GROUP}`" in table


def test_variables_that_are_to_be_set_exist(document):
    """A name that is misspelt would be set and change nothing."""
    values = [entry["value"] for entry in json.loads(parameters_file_on_disk())["parameters"].values()]
    variables = {re.split("[=}]", value[2:])[0] for value in values}
    named = set(re.findall(r"azd env (?:set|get-value) ([A-Z0-9_]+)", document))
    named |= set(re.findall(r"`((?:ALWAYS|OUTBOUND)_[A-Z_]+)`", document))
    assert {"ALWAYS_READY_PUSH_EVENTS_KAFKA", "OUTBOUND_SUBNET_ID", "KAFKA_USERNAME"} <= named
    assert named - variables == set()


def test_the_alerts_of_kafka_are_explained(document):
    """Each by its name."""
    assert [name for name in DEPENDING["kafkaRules"] if f"| `{name}` |" not in document] == []


@pytest.mark.parametrize("name", ["kafka.md", "decisions/0014-kafka-offsets.md"])
def test_links_lead_somewhere(name):
    """Files that are linked exist, and so do the headings."""
    path = ROOT / "docs" / name
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        file, _, anchor = target.partition("#")
        if file.startswith("https://"):
            continue
        linked = (path.parent / file).resolve() if file else path
        assert linked.is_file(), target
        assert not anchor or anchor in _anchors(linked.read_text(encoding="utf-8")), target
