"""`python -m local.package`: build what `azd deploy` would send, and say what is in it."""

import argparse
import sys
from pathlib import Path

from local.package.archive import build_package
from local.package.errors import PackageError

ROOT = Path(__file__).parents[2]
DEFAULT_PATH = ROOT / ".run" / "emabler-azure.zip"


def main() -> int:
    """Build the package; returns the exit code: 1 where the folder cannot be sent as it is."""
    parser = argparse.ArgumentParser(prog="python -m local.package", description=__doc__)
    parser.add_argument("--app", type=Path, default=ROOT, help="folder of the app; default: this repository")
    parser.add_argument("--to", type=Path, default=DEFAULT_PATH, help="the zip to write; default: %(default)s")
    arguments = parser.parse_args()
    try:
        package = build_package(arguments.app.resolve(), arguments.to)
    except (PackageError, OSError) as error:
        print(f"package: {error}", file=sys.stderr)
        return 1
    print(
        f"{package.path}: {len(package.files)} files, {package.packed_bytes / 1024:.0f} KiB, "
        f"{package.unpacked_bytes / 1024:.0f} KiB unpacked"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
