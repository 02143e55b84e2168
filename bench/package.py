"""How large is what is deployed, and how long does a new worker import it until it can answer.

The package is unpacked beside the libraries of requirements.txt, which are installed into a folder of their own, as the
remote build does it; the interpreters that are measured see these two and nothing else.
"""

import os
import shutil
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from zipfile import ZipFile

from bench.imports import NOWHERE, READY_TO_ANSWER, Loaded, is_ours, loaded
from bench.processes import ROOT
from bench.results import Result, Table
from bench.rounds import Spread, in_turns
from local.package.archive import Package, build_package

ROUNDS = 12

START_EXPORTER = "from shared import exporting; exporting.start(exporting.Exporter.AZURE_MONITOR)"
NOBODY = {
    "APPLICATIONINSIGHTS_CONNECTION_STRING": f"InstrumentationKey={uuid.uuid4()};IngestionEndpoint=http://127.0.0.1:1/"
}
"""Nobody listens there: there is nothing to tell."""

_SHOWN_PACKAGES = 8


class Deployed(NamedTuple):
    """What was built, and the folders with the package and with its libraries."""

    package: Package
    app: Path
    libraries: Path


async def measure_package() -> Result:
    """Build, install and measure in a temporary folder. Needs a package index for the libraries."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        deployed = deploy(folder)
        app_with_bytecode, bare_libraries = folder / "app with bytecode", folder / "bare libraries"
        shutil.copytree(deployed.app, app_with_bytecode)
        shutil.copytree(deployed.libraries, bare_libraries, ignore=shutil.ignore_patterns("*.pyc"))
        sides = {
            "the libraries' and ours": _importing(app_with_bytecode, deployed.libraries, keeps_bytecode=True),
            "the libraries', as pip leaves it": _importing(deployed.app, deployed.libraries),
            "none": _importing(deployed.app, bare_libraries),
        }
        telling = {
            "OpenTelemetry's API, before the first tap": _importing(
                app_with_bytecode, deployed.libraries, "import shared.telemetry", keeps_bytecode=True
            ),
            "Application Insights' exporter, in its thread afterwards": _importing(
                app_with_bytecode, deployed.libraries, START_EXPORTER, keeps_bytecode=True
            ),
        }
        return _result(deployed, await in_turns(sides, ROUNDS), await in_turns(telling, ROUNDS))


def deploy(folder: Path) -> Deployed:
    """Unpack the package, and install what it requires."""
    package = build_package(ROOT, folder / "package.zip")
    with ZipFile(package.path) as archive:
        archive.extractall(folder / "app")
    libraries = folder / "libraries"
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"),
            *("--target", str(libraries), "--requirement", str(folder / "app" / "requirements.txt")),
        ],
        check=True,
    )
    return Deployed(package, folder / "app", libraries)


def _importing(
    app: Path, libraries: Path, work: str = READY_TO_ANSWER, *, keeps_bytecode: bool = False
) -> Callable[[int], Awaitable[Loaded]]:
    """A side that does some work, what the first tap needs unless it is told, in a new interpreter."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(libraries), **NOWHERE, **NOBODY}
    if not keeps_bytecode:
        environment["PYTHONDONTWRITEBYTECODE"] = "1"

    async def side(_number: int) -> Loaded:
        # -S leaves out what is installed for this interpreter, this repository included.
        return loaded(work, app, environment, "-S")

    return side


def packages_of(modules: Iterable[str]) -> list[tuple[str, int]]:
    """Whose modules they are, and how many of each, the most first."""
    return Counter(map(_owner, modules)).most_common()


def shortened(counts: list[tuple[str, int]], most: int) -> list[tuple[str, int]]:
    """The first of them, and the others as one."""
    return [*counts[:most], ("others", sum(count for _, count in counts[most:]))]


def _owner(module: str) -> str:
    name = module.partition(".")[0]
    if is_ours(module):
        return "ours"
    return "the standard library" if name in sys.stdlib_module_names else name


def _result(deployed: Deployed, turns: dict[str, list[Loaded]], telling: dict[str, list[Loaded]]) -> Result:
    modules = next(iter(turns.values()))[0].modules
    return Result(
        title="The deployment package",
        how=(
            "What `make package` builds, unpacked; requirements.txt installed beside it with `pip install --target`; "
            f"`{READY_TO_ANSWER}` in new interpreters that see these two alone, {ROUNDS} times. Where the deployed "
            "folder cannot be written to, what comes without bytecode is compiled at every start."
        ),
        tables=[
            Table(title="Size", columns=["", "files", "KiB"], rows=_sizes(deployed)),
            Table(
                title=f"Milliseconds until a tap can be answered ({len(modules)} modules), by whose bytecode is there",
                columns=["", "ms"],
                rows=_milliseconds(turns),
            ),
            Table(title="Milliseconds for telemetry", columns=["", "ms"], rows=_milliseconds(telling)),
            Table(
                title="What is loaded for that",
                columns=["", "modules"],
                rows=[[owner, str(count)] for owner, count in shortened(packages_of(modules), _SHOWN_PACKAGES)],
            ),
        ],
        goals=[],
    )


def _milliseconds(turns: dict[str, list[Loaded]]) -> list[list[str]]:
    return [[what, Spread.of(1000 * one.seconds for one in rounds).text(0)] for what, rounds in turns.items()]


def _sizes(deployed: Deployed) -> list[list[str]]:
    package = deployed.package
    libraries = [file for file in deployed.libraries.rglob("*") if file.is_file()]
    sources = [file for file in libraries if file.suffix != ".pyc"]
    return [
        [what, f"{files:,}", f"{size_bytes / 1024:,.0f}"]
        for what, files, size_bytes in (
            ("the package, as it is sent", len(package.files), package.packed_bytes),
            ("the package, unpacked", len(package.files), package.unpacked_bytes),
            ("its libraries", len(sources), _bytes_of(sources)),
            ("its libraries, with their bytecode", len(libraries), _bytes_of(libraries)),
        )
    ]


def _bytes_of(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files)
