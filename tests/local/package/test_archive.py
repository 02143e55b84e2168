"""The zip that is sent."""

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from local.package.archive import build_package
from local.package.contents import app_files
from local.package.errors import PackageError

REPOSITORY = Path(__file__).parents[3]


def test_the_zip_holds_the_files_as_they_are(tmp_path):
    """Each under its own path, with its own bytes, readable where it is unpacked."""
    package = build_package(REPOSITORY, tmp_path / "new folder" / "app.zip")

    with ZipFile(package.path) as archive:
        assert archive.namelist() == package.files == app_files(REPOSITORY)
        assert all(archive.read(name) == (REPOSITORY / name).read_bytes() for name in package.files)
        assert {oct(entry.external_attr >> 16) for entry in archive.infolist()} == {"0o100644"}
        assert package.unpacked_bytes == sum(entry.file_size for entry in archive.infolist())
    assert 0 < package.packed_bytes < package.unpacked_bytes


def test_the_same_files_make_the_same_bytes(tmp_path):
    """Wherever they are, whenever they were checked out, and whatever their rights."""
    one = build_package(REPOSITORY, tmp_path / "one.zip")
    with ZipFile(one.path) as archive:
        archive.extractall(tmp_path / "elsewhere")
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / ".funcignore").write_bytes((REPOSITORY / ".funcignore").read_bytes())
    os.utime(elsewhere / "host.json", (2_000_000_000, 2_000_000_000))
    (elsewhere / "function_app.py").chmod(0o600)

    assert build_package(elsewhere, tmp_path / "two.zip").path.read_bytes() == one.path.read_bytes()


def test_an_app_that_is_refused_leaves_no_zip(tmp_path):
    """Nothing that could be taken for a package."""
    with pytest.raises(PackageError):
        build_package(tmp_path, tmp_path / "app.zip")

    assert not (tmp_path / "app.zip").exists()


def test_the_command_says_what_it_has_built(tmp_path):
    """Where it is, how many files, how large."""
    package = tmp_path / "app.zip"

    done = _command("--to", str(package))

    assert done.returncode == 0
    assert done.stdout.startswith(f"{package}: {len(app_files(REPOSITORY))} files, ")
    assert done.stdout.endswith(" KiB unpacked\n")


def test_the_command_refuses_in_one_line(tmp_path):
    """With exit code 1, so that a deployment stops there."""
    done = _command("--app", str(tmp_path), "--to", str(tmp_path / "app.zip"))

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("package: ")
    assert done.stderr.count("\n") == 1


def _command(*options):
    return subprocess.run(
        [sys.executable, "-m", "local.package", *options], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
