"""What is known of an RFID tag, and when two of them are the same."""

import unicodedata
from dataclasses import dataclass

from shared.authorization.hours import WeeklyHours
from shared.errors import Unacceptable
from shared.instants import Instant

MAX_TAG_LENGTH = 255


def canonical_tag(text: str) -> str:
    """The one spelling under which a tag is stored and compared: without outer white space, in upper case.

    OCPP's id tokens are case-insensitive (1.6 `CiString20Type`, 2.0.1 `identifierString`), and readers, cards and
    spreadsheets disagree about case. Nothing else is made equal: separators, leading zeros and the order of bytes
    count. Raises Unacceptable with the reason `not-a-tag` for an empty text, one of more than 255 characters, and one
    with control characters.
    """
    tag = text.strip().upper()
    if not 0 < len(tag) <= MAX_TAG_LENGTH:
        raise Unacceptable("not-a-tag", f"a tag has 1 to {MAX_TAG_LENGTH} characters")
    if not tag.isprintable() and any(unicodedata.category(character) in {"Cc", "Cs"} for character in tag):
        raise Unacceptable("not-a-tag", "a tag has no control characters")
    return tag


@dataclass(frozen=True, slots=True)
class Charger:
    """The charger that asks, as the current state has it. A site has two ids: eMabler's and the operator's own."""

    charger_id: str
    is_known: bool
    site_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Places:
    """Chargers, named one by one, by their site, or by how their id begins. Empty: no place at all."""

    charger_ids: frozenset[str] = frozenset()
    site_ids: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.charger_ids or self.site_ids or self.prefixes)

    def include(self, charger: Charger) -> bool:
        """Whether the charger is one of them; exact, because eMabler's ids are case-sensitive as far as is known."""
        return (
            charger.charger_id in self.charger_ids
            or not self.site_ids.isdisjoint(charger.site_ids)
            or charger.charger_id.startswith(self.prefixes)
        )


NOWHERE = Places()


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of the registry. `id_tag` is canonical; `name` is whose it is and `note` why, for people alone."""

    id_tag: str
    tag_type: str | None = None
    is_blocked: bool = False
    valid_from: Instant | None = None
    """The first moment at which it is valid; None: always was."""
    valid_until: Instant | None = None
    """The first moment at which it is not valid any more; None: never ends."""
    allowed: Places = NOWHERE
    """Where it may charge; none named: everywhere."""
    denied: Places = NOWHERE
    """Where it may not, also where `allowed` says that it may."""
    hours: WeeklyHours | None = None
    """When it may, each week; None: always."""
    name: str | None = None
    note: str | None = None
