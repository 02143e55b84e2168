"""Which files are sent: those that .funcignore lets through, and they have to be the app, exactly.

azd and Core Tools read .funcignore, too, so there is one list for all three. It says what stays out, because that is
all that every one of them takes for the same; so what comes through is compared with what belongs.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pathspec import GitIgnoreSpec

from local.package.errors import PackageError

LIST: Final = ".funcignore"

APP_FILES: Final = ("function_app.py", "host.json", "requirements.txt")
APP_FOLDERS: Final = ("handlers", "shared")
"""Folders of Python modules; nothing else in them is sent."""


def app_files(root: Path) -> list[str]:
    """What `root` sends, as sorted paths with slashes.

    Raises PackageError where a file of the app is missing or held back, and where one would be sent that is not of it.
    """
    let_through, app = set(_let_through(root)), _app(root)
    if held_back := sorted(app - let_through):
        raise PackageError(f"{LIST} holds back what the app needs: {', '.join(held_back)}. Correct its patterns.")
    if strangers := sorted(let_through - app):
        raise PackageError(
            f"This is not part of the app, but would be sent: {', '.join(strangers)}. Name it in {LIST}, or move it."
        )
    return sorted(let_through)


def _app(root: Path) -> set[str]:
    required = [*APP_FILES, *(f"{folder}/__init__.py" for folder in APP_FOLDERS)]
    if missing := [path for path in required if not (root / path).is_file()]:
        raise PackageError(f"{root} lacks {', '.join(missing)}: without it the app has no functions.")
    modules = (module for folder in APP_FOLDERS for module in (root / folder).rglob("*.py"))
    return {*APP_FILES, *(module.relative_to(root).as_posix() for module in modules)}


def _let_through(root: Path) -> Iterator[str]:
    try:
        patterns = (root / LIST).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise PackageError(f"{root} has no {LIST}: without it, tests and secrets would be sent, too.") from None
    yield from _files_below(root, "", GitIgnoreSpec.from_lines(patterns))


def _files_below(root: Path, folder: str, held_back: GitIgnoreSpec) -> Iterator[str]:
    """A folder that is held back is not entered: nothing in it can come through, and .venv alone has 10,000 files."""
    for entry in os.scandir(root / folder):
        is_folder = entry.is_dir(follow_symlinks=False)
        path = f"{folder}{entry.name}{'/' if is_folder else ''}"
        if held_back.match_file(path):
            continue
        if is_folder:
            yield from _files_below(root, path, held_back)
        else:
            yield path
