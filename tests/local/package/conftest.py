"""The package, unpacked where nothing else is, and processes that see neither this repository nor more libraries."""

import os
from pathlib import Path
from zipfile import ZipFile

import pytest

from local.package.archive import build_package
from tests.support.installed import link_libraries, requirements_of

REPOSITORY = Path(__file__).parents[3]

NEEDS_OF_THE_HOST = ["azure-functions-runtime", "azurefunctions-extensions-base", "croniter"]
"""What Azure's own host brings, and the schedules of the local one."""


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory):
    """The folder that Azure would run: what is in the package of this repository."""
    folder = tmp_path_factory.mktemp("package")
    with ZipFile(build_package(REPOSITORY, folder / "app.zip").path) as archive:
        archive.extractall(folder / "wwwroot")
    return folder / "wwwroot"


@pytest.fixture(scope="session")
def out_of_sight(tmp_path_factory, unpacked):
    """Variables for `python -S`: the libraries that the package asks for can be imported, and `local`; nothing else.

    `-S` leaves out what is installed for the interpreter: the tools of development, and this repository itself.
    """
    libraries, only_local = tmp_path_factory.mktemp("libraries"), tmp_path_factory.mktemp("only-local")
    link_libraries(libraries, [*requirements_of(unpacked / "requirements.txt"), *NEEDS_OF_THE_HOST])
    (only_local / "local").symlink_to(REPOSITORY / "local")
    return {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(only_local), str(libraries)])}
