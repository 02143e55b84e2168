"""The package as a zip that is the same, byte by byte, wherever and whenever it is built from the same files."""

from pathlib import Path
from typing import Final, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from local.package.contents import app_files

_OLDEST_TIME_OF_A_ZIP: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3
_READABLE_FILE: Final = 0o100644 << 16
"""A zip keeps Unix rights in the upper half; a file without any could not be read where it is unpacked."""


class Package(NamedTuple):
    """A built package: where it is, the files in it, and their size together before they were packed."""

    path: Path
    files: list[str]
    unpacked_bytes: int

    @property
    def packed_bytes(self) -> int:
        """The size of the zip."""
        return self.path.stat().st_size


def build_package(root: Path, path: Path) -> Package:
    """Pack the app in `root` into a zip at `path`, which is replaced. Raises PackageError, and then writes nothing."""
    files = app_files(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    unpacked_bytes = 0
    with ZipFile(path, "w") as archive:
        for name in files:
            content = (root / name).read_bytes()
            unpacked_bytes += len(content)
            archive.writestr(_entry(name), content, ZIP_DEFLATED, compresslevel=9)
    return Package(path, files, unpacked_bytes)


def _entry(name: str) -> ZipInfo:
    """An entry that tells nothing of the machine: neither when a file was checked out, nor with which rights."""
    entry = ZipInfo(name, _OLDEST_TIME_OF_A_ZIP)
    entry.create_system = _UNIX
    entry.external_attr = _READABLE_FILE
    return entry
