#!/bin/sh
# Makes this folder ready to run: .venv with the pinned Python packages and the command .venv/bin/emabler, and Azurite
# in local/azurite.
# Says nothing and changes nothing where all of that is there already. Called by every target of the Makefile.
#
#   PYTHON=python3.12 local/bootstrap.sh               use this interpreter, not the newest one found up to 3.13
#   local/bootstrap.sh --missing-debian-packages       only print what apt-get would have to install first

set -eu
cd "$(dirname "$0")/.."

oldest_node=18
log=.run/logs/setup.log

# ---- What is there -------------------------------------------------------------------------------------------------

# Every interpreter that may do, best first: the version that is deployed, then the older ones, then any other.
python_candidates() {
    if [ -n "${PYTHON:-}" ]; then
        echo "$PYTHON"
        return
    fi
    for version in 3.13 3.12 3.11; do
        echo "python$version"
        for pyenv in "${PYENV_ROOT:-}" "${HOME:-}/.pyenv"; do
            # A name ending in a digit: 3.13.0t is the free-threaded build, for which there are few packages.
            for interpreter in "$pyenv/versions/$version".*[0-9]/bin/"python$version"; do
                if [ -x "$interpreter" ]; then echo "$interpreter"; fi
            done
        done
    done
    echo python3
    echo python
}

# Runs the interpreter, because a pyenv shim exists for versions which are not switched on, and prints its version and
# path; fails for one that is too old.
describe_python() {
    "$1" -c 'import sys; sys.version_info >= (3, 11) or sys.exit(1); print("%d.%d" % sys.version_info[:2], sys.executable)' \
        2>/dev/null
}

# Sets `python` and `python_version` to the first candidate that can make a virtual environment; where none can, to the
# first that is new enough, so that what it lacks can be named.
choose_python() {
    python='' python_version='' python_makes_environments=no
    candidates=$(python_candidates)
    while IFS= read -r candidate; do
        described=$(describe_python "$candidate") || continue
        if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
            python=${described#* } python_version=${described%% *} python_makes_environments=yes
            return
        fi
        if [ -z "$python" ]; then python=${described#* } python_version=${described%% *}; fi
    done <<CANDIDATES
$candidates
CANDIDATES
}

# A virtual environment of the wanted version whose interpreter still runs.
environment_is_usable() {
    described=$(describe_python .venv/bin/python) || return 1
    [ -z "${PYTHON:-}" ] || [ "${described%% *}" = "$python_version" ]
}

# The part of pyproject.toml that says how the command is installed; the settings of tools follow it.
packaging() { sed '/^\[tool\.ruff\]/,$d' pyproject.toml; }

python_fingerprint() {
    { .venv/bin/python --version && cat local/bootstrap.sh requirements.txt requirements-dev.txt && packaging; } | cksum
}

azurite_fingerprint() { cat local/azurite/package.json local/azurite/package-lock.json | cksum; }

python_is_ready() {
    environment_is_usable && [ "$(cat .venv/.installed 2>/dev/null)" = "$(python_fingerprint)" ]
}

azurite_is_ready() {
    [ "$(cat local/azurite/node_modules/.installed 2>/dev/null)" = "$(azurite_fingerprint)" ]
}

node_is_new_enough() {
    [ "$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')" -ge "$oldest_node" ] 2>/dev/null
}

python_headers() { "$python" -c 'import sysconfig; print(sysconfig.get_path("include"))'; }

# One real compilation answers for the compiler, the C library's headers and, where there is a Python, for its own.
can_compile() {
    if [ -n "$python" ]; then headers=$(python_headers) header=Python.h; else headers=. header=stdio.h; fi
    for compiler in "${CC:-cc}" gcc clang; do
        if echo "#include <$header>" | "$compiler" -I "$headers" -x c -fsyntax-only - 2>/dev/null; then return 0; fi
    done
    return 1
}

has_qpid_proton() { .venv/bin/python -c 'import cproton' 2>/dev/null; }

# ---- What is missing -----------------------------------------------------------------------------------------------

missing='' debian_packages='' mac_packages='' mac_commands=''

need() { # what, Debian's packages, Homebrew's packages
    missing="$missing
  - $1"
    debian_packages="$debian_packages $2"
    mac_packages="$mac_packages${3:+ $3}"
}

check_python() {
    if [ -z "$python" ] && [ -n "${PYTHON:-}" ]; then
        need "Python 3.11 or newer: PYTHON=$PYTHON does not run or is older" \
            'python3 python3-venv python3-dev' python@3.13
    elif [ -z "$python" ]; then
        need 'Python 3.11 or newer (3.13 is what is deployed)' 'python3 python3-venv python3-dev' python@3.13
    elif [ "$python_makes_environments" = no ]; then
        need "the modules venv and ensurepip of $python" "python$python_version-venv" "python@$python_version"
    fi
}

check_compiler() {
    if can_compile; then return; fi
    if [ -z "$python" ] || [ -f "$(python_headers)/Python.h" ]; then
        need 'a C compiler: it builds python-qpid-proton, the wire of the local Service Bus' build-essential
    else
        need "the C headers of $python, and a C compiler: they build python-qpid-proton, the wire of the local Service Bus" \
            "build-essential python$python_version-dev"
    fi
    mac_commands='xcode-select --install'
}

check_node() {
    if ! node_is_new_enough; then
        need "Node.js $oldest_node or newer: Azurite, the storage emulator, runs on it" 'nodejs npm' node
    elif ! azurite_is_ready && ! command -v npm >/dev/null; then
        need 'npm: it installs Azurite, the storage emulator' npm node
    fi
}

report_missing() {
    as_root=$([ "$(id -u)" = 0 ] || echo 'sudo ')
    if [ -n "$mac_packages" ]; then mac_commands="brew install$mac_packages${mac_commands:+ && $mac_commands}"; fi
    cat >&2 <<MESSAGE
This machine lacks:
$missing

Install what is missing, then run the same command again:

  Debian, Ubuntu   ${as_root}apt-get update && ${as_root}apt-get install -y$debian_packages
  macOS            $mac_commands
MESSAGE
    if [ -z "$python" ]; then
        echo >&2
        echo 'Where the system has no newer Python: https://github.com/pyenv/pyenv; what it installs is found by itself.' >&2
    fi
}

# ---- Installing ----------------------------------------------------------------------------------------------------

# Runs a command with its output in the log, and shows the end of that log where it fails.
logged() {
    if ! "$@" >>"$log" 2>&1; then
        tail -n 25 "$log" >&2
        echo "Failed: $*. The whole output is in $log." >&2
        exit 1
    fi
}

make_environment() {
    if environment_is_usable; then return; fi
    # --clear empties the folder; without a pyvenv.cfg it is no virtual environment, and not ours to empty.
    if [ -e .venv ] && [ ! -e .venv/pyvenv.cfg ]; then
        echo '.venv is there, but is no virtual environment: move it away first.' >&2
        exit 1
    fi
    logged "$python" -m venv --clear .venv
}

pip_install() { logged .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input "$@"; }

install_python_packages() {
    make_environment
    echo "Installing the Python packages into .venv ($(.venv/bin/python --version)); the first time takes a minute or two."
    rm -f .venv/.installed
    pip_install -r requirements.txt -r requirements-dev.txt
    # The worker library that production runs asks for 3.13, where it is part of requirements.txt. It is pure Python
    # and serves 3.11 and 3.12 as well; one of what it imports is named here because --no-deps leaves it out.
    if ! .venv/bin/python -c 'import azure_functions_runtime' 2>/dev/null; then
        pip_install azurefunctions-extensions-base==1.2.0
        pip_install --no-deps --ignore-requires-python \
            "$(sed -n 's/^\(azure-functions-runtime==[^; ]*\).*/\1/p' requirements.txt)"
    fi
    # The command, from this folder: what is changed here is what it runs.
    pip_install --no-deps --editable .
    python_fingerprint >.venv/.installed
}

install_azurite() {
    echo 'Installing Azurite into local/azurite (half a minute).'
    (cd local/azurite && logged npm ci --no-audit --no-fund --loglevel=error)
    azurite_fingerprint >local/azurite/node_modules/.installed
}

# ---- All of it -----------------------------------------------------------------------------------------------------

python='' python_version='' python_makes_environments=yes
if [ -n "${PYTHON:-}" ] || ! python_is_ready; then choose_python; fi

if ! python_is_ready; then
    check_python
    if ! has_qpid_proton || ! environment_is_usable; then check_compiler; fi
fi
check_node
if [ "${1:-}" = --missing-debian-packages ]; then
    echo "$debian_packages"
    exit 0
fi
if [ -n "$missing" ]; then
    report_missing
    exit 1
fi

if python_is_ready && azurite_is_ready; then exit 0; fi
mkdir -p .run/logs
log=$PWD/$log
: >"$log"
if ! python_is_ready; then install_python_packages; fi
if ! azurite_is_ready; then install_azurite; fi
