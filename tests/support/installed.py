"""A folder with some of the installed libraries, and what they need, as if only these had been installed."""

from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def requirements_of(path: Path) -> list[str]:
    """The lines of a requirements file that ask for something."""
    return [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]


def link_libraries(folder: Path, requirements: Iterable[str]) -> None:
    """Link the files of these libraries, and of all that they need, into the folder."""
    for library in _with_their_needs(requirements):
        for file in library.files or []:
            # What is installed beside the libraries, such as commands, begins with `..`.
            if file.parts[0] != "..":
                link = folder / file
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(library.locate_file(file))


def _with_their_needs(requirements: Iterable[str]) -> Iterable[Distribution]:
    found: dict[str, Distribution] = {}
    asked = [Requirement(text) for text in requirements]
    while asked:
        requirement = asked.pop()
        name = canonicalize_name(requirement.name)
        if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        found[name] = distribution(name)
        asked += [Requirement(text) for text in found[name].requires or []]
    return found.values()
