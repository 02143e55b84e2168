"""docs/deploy.md names what is there: alerts with their severities, parameters, outputs, secrets."""

import json
import re
import subprocess
from textwrap import dedent

import pytest

from tests.infra.agreement import SECRET_NAMES, parameters_file_on_disk
from tests.infra.posture import ROLES
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


def test_a_key_is_not_handed_over_before_the_vault_has_it(document):
    """Nothing has changed but Azure, so azd is told not to skip; then vault and bus are compared unseen."""
    renewed, rest = document.split("--key PrimaryKey --output none ", 1)
    deployed, compared = rest.index("azd provision --no-state"), rest.index("&& echo equal || echo DIFFERENT")
    assert deployed < compared < rest.index(" 5. only if equal") < rest.index("--key SecondaryKey")
    assert "# 1. hand this one over" in renewed


def test_what_mends_a_deployment_is_not_skipped(document):
    """Without a change of templates and parameters, `azd provision` alone does nothing."""
    mending = [line for line in document.splitlines() if re.search(r"\b(undo|repair|anew)\b", line)]
    told = [line for line in mending if "azd provision" in line]
    assert len(told) >= 2
    assert [line for line in told if "`azd provision --no-state`" not in line] == []


def test_commands_for_bash_alone_say_so(document):
    """`read -p` asks something else in zsh, the shell of many a laptop."""
    before = document.split("read -rsp")[0]
    assert "in bash" in before[before.rindex("\n\n**") :]


def test_a_deployer_may_grant_the_roles_of_the_template_and_no_other(document):
    """The condition that the commands put together, once for granting and once for taking away."""
    found = re.search(r"^ +roles=.+\n +condition=.+\n +condition\+=.+\n", document, re.MULTILINE)
    assert found
    script = dedent(found[0]) + 'printf %s "$condition"'
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=ROOT, check=True, capture_output=True, text=True
    )
    granted, taken = run.stdout.split(" AND ")
    for condition, action, source in ((granted, "write", "@Request"), (taken, "delete", "@Resource")):
        head = f"((!(ActionMatches{{'Microsoft.Authorization/roleAssignments/{action}'}})) OR ({source}"
        test = "[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals "
        roles = re.fullmatch(re.escape(head + test) + r"\{(.+)\}\)\)", condition)
        assert roles
        assert sorted(roles[1].split(",")) == sorted(ROLES.values())


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
