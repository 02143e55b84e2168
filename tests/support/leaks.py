"""What no log line may hold, and a handler that looks for it in every line of the whole run.

It looks at lines of INFO and above, from every library: that is what the Functions host sends to Application Insights
with the levels of host.json. Below that nothing is sent, and libraries write whole requests.
"""

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

from simulator.tags import drivers
from tests.support.azurite import KEY
from tests.support.tapping import MARKER, TOKEN

FIXTURES = Path(__file__).parents[1] / "fixtures" / "messages"


def secrets() -> Iterator[str]:
    """Tags of the documented messages and of the simulator's drivers, tokens, keys, and what only bodies hold."""
    for file in FIXTURES.glob("*/*.json"):
        tag = json.loads(file.read_text()).get("authorizedIdTag")
        if tag:
            yield tag
    yield from (driver.id_tag for driver in drivers())
    yield from (TOKEN, KEY, "SAS_KEY_VALUE")
    yield from ('"chargerId"', '"charger_id"', '"rfid_tag_id"', '"authorizedIdTag"', "authorizedIdTag:")


_SECRETS = re.compile("|".join(re.escape(secret) for secret in sorted(set(secrets()), key=len, reverse=True)))
# A tag may be logged as it came, before it is put in upper case. Apart from the others: one pattern for all is slow.
_TAG_OF_A_TEST = re.compile(re.escape(MARKER), re.IGNORECASE)


def leaking_lines(text: str) -> list[str]:
    """The lines of a log that hold a secret."""
    return [line for line in text.splitlines() if _SECRETS.search(line) or _TAG_OF_A_TEST.search(line)]


class LeakWatch(logging.Handler):
    """Keeps every line that holds a secret, with the test that wrote it; `lines` counts all it has looked at."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
        self.test = ""
        self.lines = 0
        self.leaks: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one line, its traceback included."""
        self.lines += 1
        self.leaks += [f"{self.test}: {line}" for line in leaking_lines(self.format(record))]
