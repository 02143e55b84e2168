"""The drivers' tags: an operator's list of them, and what a tap of each must be answered."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

DRIVERS = 400
"""Drivers of a fleet have the numbers 1 to 399."""

COLUMNS = ("id_tag", "type", "blocked", "valid_until", "allow_prefixes", "name")


class Standing(Enum):
    """How the operator stands to a driver: the rule that must fire, and eMabler's word for the refusal."""

    GOOD = ("allowed", None)
    BLOCKED = ("tag-blocked", "UNAUTHORIZED_RFID_TAG_ID")
    EXPIRED = ("expired", "EXPIRED_RFID_TAG_ID")
    ELSEWHERE = ("place-not-allowed", "UNAUTHORIZED_RFID_TAG_ID")
    UNKNOWN = ("tag-unknown", "UNKNOWN_RFID_TAG_ID")

    @property
    def rule(self) -> str:
        """The rule's id."""
        return self.value[0]

    @property
    def reason(self) -> str | None:
        """The reason of the refusal, None for a yes."""
        return self.value[1]


_STANDINGS = {0: Standing.UNKNOWN, 1: Standing.BLOCKED, 2: Standing.EXPIRED, 3: Standing.ELSEWHERE}
"""By the last digit of the driver's number; everybody else is good."""


@dataclass(frozen=True, slots=True)
class Driver:
    """One driver with one tag."""

    number: int

    @property
    def id_tag(self) -> str:
        """Eight hexadecimal digits, as a four-byte UID has them."""
        return f"{self.number * 0x1F3D5B:08X}"

    @property
    def standing(self) -> Standing:
        """Fixed for every number."""
        return _STANDINGS.get(self.number % 10, Standing.GOOD)

    @property
    def listed(self) -> dict[str, str]:
        """The driver's row of the operator's list."""
        return {
            "id_tag": self.id_tag,
            "type": "RFID",
            "blocked": "yes" if self.standing is Standing.BLOCKED else "no",
            "valid_until": "2024-12-31" if self.standing is Standing.EXPIRED else "",
            "allow_prefixes": "PRIVATE-" if self.standing is Standing.ELSEWHERE else "",
            "name": f"Driver {self.number}",
        }


def drivers() -> Iterator[Driver]:
    """All of them."""
    return (Driver(number) for number in range(1, DRIVERS))


def write_tag_list(path: Path) -> int:
    """Write the operator's list as CSV, without the unknown; returns how many tags it has."""
    listed = [driver.listed for driver in drivers() if driver.standing is not Standing.UNKNOWN]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(listed)
    return len(listed)
