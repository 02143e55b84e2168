"""Which ids a new charger may have: checked here, because eMabler's answer to a bad one is not documented."""

import re
from typing import Final

from ops.exits import InputProblems

MAX_CHARACTERS: Final = 48
"""OCPP 2.0.1, part 4, "identity of the charging station"; OCPP 1.6 names no limit."""

_ALLOWED: Final = "digits, letters (A to Z, without accents), and - _ . : alone"
_NOT_ALLOWED: Final = re.compile(r"[^A-Za-z0-9\-_.:]")
_NO_LETTER_OR_DIGIT: Final = re.compile(r"[\-_.:]*")


def checked_charger_id(text: str) -> str:
    """The id as it is: case counts, and nothing is cut off. Raises InputProblems, which names what is wrong.

    The id becomes a part of URLs, the charger's OCPP connection among them (eMabler's "Getting started with the REST
    API" asks for ids without characters that break URLs).
    """
    wrong = _NOT_ALLOWED.search(text)
    if wrong is not None:
        raise InputProblems(
            f"The id cannot have {_named(wrong[0])}, which is character {wrong.start() + 1} of it. It may have "
            f"{_ALLOWED}."
        )
    if len(text) > MAX_CHARACTERS:
        raise InputProblems(f"The id has {len(text)} characters. At most {MAX_CHARACTERS} are allowed.")
    if _NO_LETTER_OR_DIGIT.fullmatch(text):
        raise InputProblems("The id needs a letter or a digit.")
    return text


def _named(character: str) -> str:
    """A character as a person recognises it: its code too, because many cannot be seen or look like others."""
    shown = "a space" if character == " " else f"'{character}'" if character.isprintable() else "a hidden character"
    return f"{shown} (U+{ord(character):04X})"
