"""docs/deploy.md names what is there: alerts with their severities, parameters, outputs, secrets."""

import json
import re

import pytest

from tests.infra.agreement import SECRET_NAMES, parameters_file_on_disk
from tests.infra.reading import ROOT, templates, texts_on_disk
from tests.infra.watching import APP_ALERTS, BUS_ALERTS

AZDS_OWN = {"AZURE_SUBSCRIPTION_ID", "AZURE_LOCATION", "AZURE_ENV_NAME"}


@pytest.fixture(scope="module")
def document() -> str:
    """The document's text."""
    return (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def variables() -> set[str]:
    """The variables from which azd takes the parameters."""
    values = [entry["value"] for entry in json.loads(parameters_file_on_disk())["parameters"].values()]
    return {re.split("[=}]", value[2:])[0] for value in values}


def test_every_alert_is_explained(document):
    """The table of alerts has each of them once, with the severity that it has."""
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (\d)", document, re.MULTILINE))
    alerts = {name: str(rule[0]) for name, rule in (BUS_ALERTS | APP_ALERTS).items()}
    assert rows == alerts | {"root-key-listed": "1"}


def test_variables_that_are_to_be_set_exist(document, variables):
    """A name that is misspelt would be set and change nothing."""
    named = set(re.findall(r"azd env set(?:-secret)? ([A-Z0-9_]+)", document))
    named |= set(re.findall(r"`([A-Z][A-Z0-9_]+)=\w+`", document))
    assert named - variables - AZDS_OWN - {"NAME"} == set()


def test_no_two_parameters_have_one_variable(variables):
    """Each parameter can be set for itself."""
    assert len(variables) == len(json.loads(parameters_file_on_disk())["parameters"])


def test_names_that_commands_take_from_azd_are_outputs(document):
    """`$STORAGE_ACCOUNT_NAME` in a command is what the deployment puts out under that name."""
    outputs = set(templates(texts_on_disk())["main.bicep"].outputs)
    assert set(re.findall(r'"\$([A-Z][A-Z_]+)["/]', document)) <= outputs


def test_every_secret_is_explained(document):
    """Which setting has which secret of the vault."""
    for setting, secret in SECRET_NAMES.items():
        assert f"| `{secret}` | `{setting}` |" in document


def test_links_lead_somewhere(document):
    """Files that are linked exist, and so do the headings."""
    for target in re.findall(r"\]\(([^)]+)\)", document):
        path, _, anchor = target.partition("#")
        if path.startswith("https://"):
            continue
        linked = ROOT / "docs" / (path or "deploy.md")
        assert linked.is_file(), target
        assert not anchor or anchor in _anchors(linked.read_text(encoding="utf-8")), target


def _anchors(text: str) -> set[str]:
    """What GitHub calls the headings in links."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}
