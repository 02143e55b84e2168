"""What zizmor and the schemas of .github (`make lint`) do not say: the rules that are ours."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = {path.name: path for path in (ROOT / ".github/workflows").glob("*.yml")}
ACTIONS = {f"{path.parent.name}/{path.name}": path for path in (ROOT / ".github/actions").glob("*/action.yml")}
FILES = WORKFLOWS | ACTIONS

# Whoever may ask for a token can act in Azure; whoever may write can speak in our name.
MORE_THAN_READING = {
    ("whatif.yml", "what-if"): {"id-token", "pull-requests"},
    ("deploy.yml", "deploy"): {"id-token"},
}


def _workflow(name):
    # YAML takes the key `on` for true.
    return {("on" if key is True else key): value for key, value in yaml.safe_load(WORKFLOWS[name].read_text()).items()}


def _jobs():
    return [(name, job_id, job) for name in WORKFLOWS for job_id, job in _workflow(name)["jobs"].items()]


def _steps():
    for name, _, job in _jobs():
        yield from ((name, step) for step in job.get("steps", []))
    for name, path in ACTIONS.items():
        yield from ((name, step) for step in yaml.safe_load(path.read_text())["runs"]["steps"])


def _lines(pattern):
    """Every line of the files that has it, as (file, match)."""
    return [(name, found) for name, path in FILES.items() for found in re.finditer(pattern, path.read_text())]


def test_there_are_workflows():
    """Else the tests below say nothing."""
    assert WORKFLOWS.keys() == {"ci.yml", "whatif.yml", "deploy.yml"}
    assert ACTIONS.keys() == {"azd/action.yml"}


def test_every_action_is_pinned_to_a_commit_and_says_its_version():
    """A tag can be moved by whoever takes over the action; our own are of the commit that runs."""
    unpinned = [
        f"{name}: {found[1]}"
        for name, found in _lines(r"uses: (.+)")
        if not re.fullmatch(r"\$/\.github/\S+|[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", found[1])
    ]

    assert unpinned == []


def test_one_action_has_one_commit():
    """Two of them would be two versions to trust."""
    commits = {}
    for _, found in _lines(r"uses: ([\w./-]+)@(.+)"):
        commits.setdefault(found[1], set()).add(found[2])

    assert [action for action, found in commits.items() if len(found) > 1] == []
    assert "actions/checkout" in commits


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_do_nothing_of_itself(name):
    """Each job is given what it needs, and no other."""
    assert _workflow(name)["permissions"] == {}


def test_a_job_may_read_and_only_two_may_do_more():
    """Reading the code is enough to check it."""
    assert {
        (name, job_id): {what for what, right in job["permissions"].items() if (what, right) != ("contents", "read")}
        for name, job_id, job in _jobs()
        if job["permissions"] != {"contents": "read"}
    } == MORE_THAN_READING


def test_what_acts_in_azure_waits_for_an_environment():
    """There GitHub asks for approval, and Azure trusts the environment's name, not a branch anybody may push."""
    assert {(name, job["environment"]) for name, _, job in _jobs() if "id-token" in job["permissions"]} == {
        ("whatif.yml", "what-if"),
        ("deploy.yml", "production"),
    }


def test_no_secret_is_stored():
    """Azure is entered with a token that GitHub makes for the job; what is set in GitHub are variables."""
    assert [name for name, path in FILES.items() if "secrets" in path.read_text()] == []


def test_no_script_is_put_together_from_expressions():
    """What somebody writes into a title or a branch's name must not become a command."""
    scripts = [(name, step["run"]) for name, step in _steps() if "run" in step]

    assert [name for name, script in scripts if "${{" in script] == []
    assert len(scripts) > 8


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_command_that_fails_before_a_pipe_fails_the_job(name):
    """GitHub gives a shell that is named pipefail, the one that it takes by itself not."""
    assert _workflow(name)["defaults"] == {"run": {"shell": "bash"}}
    steps = [step for job in _workflow(name)["jobs"].values() for step in job.get("steps", [])]
    assert [step for step in steps if "shell" in step] == []


NEEDED = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID", "AZURE_LOCATION", "AZURE_ENV_NAME")


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq, as GitHub's runners have it")
@pytest.mark.parametrize("missing", NEEDED)
def test_a_variable_that_is_missing_is_named_before_anything_is_done(missing, tmp_path):
    """The script of the action, with an `azd` that notes each call; set to nothing counts as missing."""
    for variables in ({name: "x" for name in NEEDED if name != missing}, dict.fromkeys(NEEDED, "x") | {missing: ""}):
        done = _sign_in(variables, tmp_path)

        assert done.returncode == 1
        assert f"::error::The GitHub environment of this job has no variable {missing}." in done.stdout
        assert not (tmp_path / "calls").exists()


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq, as GitHub's runners have it")
def test_every_variable_becomes_a_parameter(tmp_path):
    """After signing in; what is not needed goes along, whatever stands in it."""
    done = _sign_in(dict.fromkeys(NEEDED, "x") | {"ALERT_EMAIL": "a b@example.com"}, tmp_path)

    assert done.returncode == 0, done.stderr
    calls = (tmp_path / "calls").read_text()
    assert calls.startswith("auth login --federated-credential-provider github --client-id x --tenant-id x\nenv new x ")
    assert "ALERT_EMAIL=a b@example.com" in calls


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq, as GitHub's runners have it")
def test_an_app_that_stays_degraded_is_deployed_with_a_warning_and_soon(tmp_path):
    """Not after the whole time that an app has which does not answer: 12 answers, 10 s apart."""
    (script,) = (
        step["run"] for name, step in _steps() if name == "deploy.yml" and "/api/health" in step.get("run", "")
    )
    _stub(tmp_path / "azd", "echo https://app.example")
    _stub(tmp_path / "sleep", "")
    _stub(tmp_path / "curl", """echo '{"status":"degraded"}'""")

    done = _run(script, tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("https://app.example/api/health: degraded\n") == 12
    assert "::warning::" in done.stdout


def _sign_in(variables, folder):
    (script,) = (step["run"] for name, step in _steps() if name == "azd/action.yml" and "azd auth login" in step["run"])
    _stub(folder / "azd", f'echo "$@" >>{folder}/calls')
    return _run(script, folder, VARIABLES=json.dumps(variables))


def _stub(path, command):
    path.write_text(f"#!/bin/sh\n{command}\n")
    path.chmod(0o755)


def _run(script, folder, **environment):
    """Run a step's script as GitHub does for `shell: bash`, with the commands in a folder before all others."""
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    environment["PATH"] = f"{folder}:{os.environ['PATH']}"
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_every_job_ends_in_time():
    """GitHub's own limit is six hours. A called workflow has its jobs' limits."""
    assert [job_id for _, job_id, job in _jobs() if "uses" not in job and not 0 < job["timeout-minutes"] <= 60] == []


def test_no_checkout_leaves_its_token_behind():
    """Everything that runs later in the job could use it."""
    checkouts = [step for _, step in _steps() if step.get("uses", "").startswith("actions/checkout@")]

    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
    assert len(checkouts) > 5


def test_the_commands_that_are_called_exist():
    """A target that was renamed fails here, not after the push."""
    called = {found[1] for _, found in _lines(r"make (\w+)")}
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert called == {"lint", "test", "audit", "package"}
    assert called <= targets


def test_pull_requests_are_tested_on_every_python_that_azure_offers():
    """Those between which infra/main.bicep lets the operator choose; and nothing is skipped after a failure."""
    strategy = _workflow("ci.yml")["jobs"]["test"]["strategy"]
    offered = re.search(r"@allowed\(\[(.+)\]\)\nparam pythonVersion", (ROOT / "infra/main.bicep").read_text())[1]

    assert set(strategy["matrix"]["python"]) == set(re.findall(r"[\d.]+", offered))
    assert strategy["fail-fast"] is False


def test_what_if_is_not_asked_for_strangers():
    """A fork's change must not run with an identity of ours."""
    condition = _workflow("whatif.yml")["jobs"]["what-if"]["if"]

    assert "github.event.pull_request.head.repo.full_name == github.repository" in condition
    assert set(_workflow("whatif.yml")["on"]) == {"pull_request"}


def test_only_what_is_tagged_or_asked_for_is_deployed_after_the_checks():
    """One deployment after the other; none is stopped half-way."""
    deploy = _workflow("deploy.yml")

    assert deploy["on"] == {"workflow_dispatch": None, "push": {"tags": ["v*"]}}
    assert deploy["concurrency"] == {"group": "deploy-production", "cancel-in-progress": False}
    assert deploy["jobs"]["checks"]["uses"] == "$/.github/workflows/ci.yml"
    assert deploy["jobs"]["deploy"]["needs"] == "checks"
    commands = [step["run"] for step in deploy["jobs"]["deploy"]["steps"] if "run" in step]
    assert commands[:2] == ["azd provision --no-prompt", "azd deploy --no-prompt"]
    assert "/api/health" in commands[2]


def test_the_url_that_is_asked_is_told_by_the_infrastructure():
    """The name of the output, which azd keeps."""
    asked = re.search(r"azd env get-value (\w+)", WORKFLOWS["deploy.yml"].read_text())[1]

    assert re.search(rf"^output {asked} string", (ROOT / "infra/main.bicep").read_text(), re.MULTILINE)


def test_every_kind_of_dependency_is_kept_up_to_date():
    """Weekly, in one pull request for each kind, and never on the day of a release."""
    kinds = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]

    assert {kind["package-ecosystem"]: kind.get("directory") or kind["directories"] for kind in kinds} == {
        "pip": "/",
        "npm": "/local/azurite",
        "github-actions": ["/", "/.github/actions/*"],
    }
    assert (ROOT / "local/azurite/package-lock.json").is_file()
    for kind in kinds:
        assert kind["schedule"] == {"interval": "weekly"}
        assert kind["cooldown"]["default-days"] >= 7
        assert [group["patterns"] for group in kind["groups"].values()] == [["*"]]
