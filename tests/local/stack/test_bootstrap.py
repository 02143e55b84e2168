"""What the set-up finds and names on machines that lack something."""

import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
SHELL_TOOLS = ("sh", "cat", "sed", "id", "dirname", "cksum", "tail", "mkdir", "rm", "cp")


class Machine:
    """A PATH with few programs, and a fresh copy of what the set-up reads."""

    def __init__(self, folder):
        self.folder = folder / "a fresh clone"
        self.programs = folder / "programs"
        self.home = folder / "home"
        self.calls = folder / "calls"
        self.programs.mkdir()
        for tool in SHELL_TOOLS:
            (self.programs / tool).symlink_to(shutil.which(tool))
        (self.folder / "local/azurite").mkdir(parents=True)
        for name in ("local/bootstrap.sh", "requirements.txt", "requirements-dev.txt", "pyproject.toml"):
            shutil.copy(REPOSITORY / name, self.folder / name)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(REPOSITORY / "local/azurite" / name, self.folder / "local/azurite")

    def has(self, name, script, folder=None):
        """Put a program there, as a shell script."""
        program = (folder or self.programs) / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def has_python(self, version, *, name=None, folder=None, makes_environments=True):
        """A stand-in for an interpreter: tells what it has, makes "environments", and writes down calls of pip."""
        self.has(
            name or f"python{version}",
            f"""case "$*" in
                *version_info*) echo "{version} $0" ;;
                --version) echo "Python {version}" ;;
                *ensurepip*) exit {0 if makes_environments else 1} ;;
                *sysconfig*) echo /nowhere ;;
                "-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
                "-m pip"*) echo "$*" >>"{self.calls}" ;;
                *) exit 1 ;;
            esac""",
            folder,
        )

    def set_up(self, *arguments, **environment):
        """Run the set-up there."""
        return subprocess.run(
            [self.folder / "local/bootstrap.sh", *arguments],
            env={"PATH": str(self.programs), "HOME": str(self.home)} | environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path):
    """A machine without any of the tools."""
    return Machine(tmp_path)


def test_everything_that_is_missing_is_named_at_once(machine):
    """With one command for it, and before anything is made."""
    answer = machine.set_up()

    assert answer.returncode == 1
    for name in ("Python 3.11", "C compiler", "Node.js 18"):
        assert name in answer.stderr
    assert "apt-get install -y python3 python3-venv python3-dev build-essential nodejs npm\n" in answer.stderr
    assert "brew install python@3.13 node && xcode-select --install\n" in answer.stderr
    assert not (machine.folder / ".venv").exists()


def test_the_packages_can_be_asked_for(machine):
    """That is how a continuous-integration machine learns what to install."""
    machine.has("node", "echo v20.1.0")
    machine.has("npm", "exit 0")

    assert machine.set_up("--missing-debian-packages").stdout.split() == [
        *("python3", "python3-venv", "python3-dev"),
        "build-essential",
    ]


def test_an_old_node_is_missing(machine):
    """Azurite would fail later, with words that help nobody."""
    machine.has("node", "echo v12.22.9")
    machine.has("npm", "exit 0")

    assert "Node.js 18 or newer" in machine.set_up().stderr


def test_the_deployed_version_is_chosen_first(machine):
    """Here it is the one that is named, because it lacks a module."""
    for version in ("3.11", "3.12", "3.13"):
        machine.has_python(version, makes_environments=False)

    assert "python3.13-venv" in machine.set_up().stderr


def test_a_version_that_can_make_environments_goes_before_a_newer_one_that_cannot(machine):
    """Then nothing has to be installed for it but the compiler's part."""
    machine.has_python("3.11")
    machine.has_python("3.13", makes_environments=False)

    answer = machine.set_up()

    assert "venv" not in answer.stderr
    assert "python3.11-dev" in answer.stderr


def test_a_pyenv_is_searched(machine):
    """The versions it has need not be switched on; its shims for those that are not, fail."""
    machine.has("python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127")
    machine.has_python("3.12", folder=machine.home / ".pyenv/versions/3.12.1/bin")
    elsewhere = machine.home / "elsewhere"
    machine.has_python("3.13", folder=elsewhere / "versions/3.13.0t/bin")

    assert "python3.12-dev" in machine.set_up(PYENV_ROOT=str(elsewhere)).stderr
    machine.has_python("3.13", folder=elsewhere / "versions/3.13.9/bin")
    assert "python3.13-dev" in machine.set_up(PYENV_ROOT=str(elsewhere)).stderr


def test_the_interpreter_that_is_set_is_used(machine):
    """PYTHON=... wins over everything that is found."""
    machine.has_python("3.13")
    machine.has_python("3.12", name="my-python")

    assert "python3.12-dev" in machine.set_up(PYTHON="my-python").stderr


def test_an_interpreter_that_is_set_but_does_not_run_is_named(machine):
    """And no other one is taken in its place."""
    machine.has_python("3.13")

    assert "PYTHON=python3.14 does not run or is older" in machine.set_up(PYTHON="python3.14").stderr


@pytest.fixture
def complete_machine(machine):
    """A machine with everything, whose pip and npm only write down what they were asked for."""
    machine.has_python("3.12")
    machine.has("cc", "exit 0")
    machine.has("node", "echo v20.1.0")
    machine.has("npm", f'mkdir -p node_modules; echo "npm $*" >>"{machine.calls}"')
    return machine


def test_what_was_installed_is_not_installed_again(complete_machine):
    """The second `make` says nothing and does nothing; a changed requirement is installed."""
    first = complete_machine.set_up()
    installed = complete_machine.calls.read_text()
    second = complete_machine.set_up()

    assert (first.returncode, first.stderr) == (0, "")
    assert "-r requirements.txt -r requirements-dev.txt" in installed
    assert "--no-deps --editable ." in installed
    assert "npm ci" in installed
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert complete_machine.calls.read_text() == installed

    with (complete_machine.folder / "requirements.txt").open("a") as requirements:
        requirements.write("another-package==1.0\n")
    third = complete_machine.set_up()

    assert "Installing the Python packages" in third.stdout
    assert "Azurite" not in third.stdout


def test_older_versions_get_the_worker_library_of_production(complete_machine):
    """requirements.txt names it for 3.13 only, because it asks for that; the version is the one named there."""
    complete_machine.set_up()

    assert "--no-deps --ignore-requires-python azure-functions-runtime==1.3.0\n" in complete_machine.calls.read_text()


def test_a_failed_installation_is_shown_and_tried_again(complete_machine):
    """With the end of the installer's output; what is half made does not count as made."""
    complete_machine.has("npm", "echo 'no route to the registry'; exit 1")

    answers = [complete_machine.set_up() for _ in range(2)]

    for answer in answers:
        assert answer.returncode == 1
        assert "no route to the registry" in answer.stderr
        assert "setup.log" in answer.stderr
