"""Function apps under the embedded host: the whole app as it is deployed, and one whose functions do nothing.

Both have a queue trigger and HTTP functions, each runs in a process of its own, and both get the same settings.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.processes import ROOT, Server, running

OURS: Final = ROOT
NOTHING: Final = ROOT / "bench" / "nothing_app"

_PARTS: Final = ("function_app.py", "handlers", "shared")


@contextmanager
def running_app(app: Path, environment: Mapping[str, str], batch_size: int = 64) -> Iterator[Server]:
    """Run an app with another `maxMessageBatchSize` in its host.json; the folder's own settings are left out."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for part in _PARTS:
            if (app / part).exists():
                (folder / part).symlink_to(app / part)
        host_json = json.loads((app / "host.json").read_text())
        host_json["extensions"]["serviceBus"]["maxMessageBatchSize"] = batch_size
        (folder / "host.json").write_text(json.dumps(host_json))
        with running("local.functions_host", "--app", str(folder), "--port", "0", environment=environment) as host:
            yield host
