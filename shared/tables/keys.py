r"""Where a row lives: table names by month, partitions by day and shard, row keys, and the one escaping of their parts.

Table Storage refuses `/ \ # ?` and control characters in keys (learn.microsoft.com, "Understanding the Table Service
data model"), and we join the parts of a row key by `!`. Ids come from outside, so every part is escaped by `escape`,
which never maps two texts to one key.
"""

import hashlib
import re
from zlib import crc32

from shared.instants import Instant

SEPARATOR = "!"
UNDATED = "undated"
"""The partition of events without a usable time: one fixed place, so that their repeats still meet."""

CHARGER_STATUS = "ChargerStatus"
"""The table of the current state: ingest writes it, taps look up their charger in it."""

POLL_STATE = "PollState"
"""What polling remembers: its runs, open gaps, what REST said last of each charger, and what push told last."""

MAX_ESCAPED_LENGTH = 128
"""Characters an escaped part may have; two such parts, a time and an event id stay well under the 512 of a row key."""

# `%` is legal but has broken clients that decode addresses twice; `'` and `,` are legal but Azurite loses keys that
# begin with them; `~` and `!` are ours. Unpaired surrogates and the plane's last two characters have no place in UTF-8.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f/\\\\#?%!~',\ud800-\udfff\ufffe\uffff]")


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"~{code:02x}" if code < 0x100 else f"~u{code:04x}"  # noqa: PLR2004  # two hex digits end at 0xff


def escape(text: str) -> str:
    """One part of a key from any text: the same text while it is legal, `~` and hex digits for what is not.

    Two texts never share a result, and up to `MAX_ESCAPED_LENGTH` characters `unescape` brings the text back. Longer
    results become `~~` and the text's SHA-256; the original text is in a column of every row.
    """
    escaped = _UNSAFE.sub(_escaped, text)
    if len(escaped.encode("utf-16-le")) > 2 * MAX_ESCAPED_LENGTH:
        return "~~" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return escaped


def unescape(part: str) -> str:
    """The text that `escape` was given; ValueError for a part that was too long to be kept."""
    if part.startswith("~~"):
        raise ValueError("the key holds only a digest of this text: read its column instead")
    return re.sub("~u([0-9a-f]{4})|~([0-9a-f]{2})", lambda match: chr(int(match[1] or match[2], 16)), part)


def shard(charger_id: str, shards: int) -> str:
    """Two digits: which of the `shards` partitions the charger's rows live in.

    CRC-32 of the id's UTF-8, because it is stable across Python versions and processes (`hash` is not) and spreads
    short ids evenly.
    """
    return f"{crc32(charger_id.encode('utf-8', 'surrogatepass')) % shards:02d}"


def month_table(name: str, when: Instant | None) -> str:
    """`PushEvents202504`, or `PushEventsUndated` for rows without a usable time."""
    return f"{name}{when.month if when is not None else 'Undated'}"


def day_partition(when: Instant | None, charger_id: str, shards: int) -> str:
    """`20250402-03`, or `undated-03`."""
    return f"{when.day if when is not None else UNDATED}-{shard(charger_id, shards)}"


def event_row_key(charger_id: str, when: Instant | None, event_id: str) -> str:
    """`PushEvents`: one charger's events are one range, in order of time."""
    return SEPARATOR.join((escape(charger_id), _time_part(when), event_id))


def measurement_row_key(charger_id: str, transaction_id: str | None, when: Instant | None, event_id: str) -> str:
    """`Measurements`: one session's rows are one range, in order of time; `-` stands for "outside any session"."""
    return SEPARATOR.join((escape(charger_id), _transaction_part(transaction_id), _time_part(when), event_id))


def decision_row_key(charger_id: str, when: Instant, decision_id: str) -> str:
    """`AuthDecisions`: one charger's answers are one range, in order of time."""
    return SEPARATOR.join((escape(charger_id), when.iso, decision_id))


def transaction_row_key(charger_id: str, transaction_id: str) -> str:
    """`Transactions`: one row for each session; ids are unique for one charger only, so both are in the key."""
    return f"{escape(charger_id)}{SEPARATOR}{_transaction_part(transaction_id)}"


def polled_session_row_key(charger_id: str, name: str) -> str:
    """`Transactions`: a session that only REST told of, under a name that no transaction id of push can be.

    `~` is followed by hex digits, `u` or `~` in every escaped text, so `~polled` is in none.
    """
    return f"{escape(charger_id)}{SEPARATOR}~polled-{escape(name)}"


def rows_of_charger(charger_id: str) -> tuple[str, str]:
    """The range of row keys, without its end, that holds everything of a charger in one partition."""
    first = f"{escape(charger_id)}{SEPARATOR}"
    return first, first[:-1] + chr(ord(SEPARATOR) + 1)


def charger_row_key(charger_id: str) -> str:
    """`ChargerStatus`: the charger itself."""
    return f"{escape(charger_id)}{SEPARATOR}charger"


def socket_row_key(charger_id: str, socket_id: str) -> str:
    """`ChargerStatus`: one of its sockets."""
    return f"{escape(charger_id)}{SEPARATOR}socket-{escape(socket_id)}"


def push_partition(shard_key: str) -> str:
    """`PollState`: when push last said anything of the chargers of one shard."""
    return f"push-{shard_key}"


def seen_partition(shard_key: str) -> str:
    """`PollState`: what REST last said of the chargers of one shard."""
    return f"seen-{shard_key}"


def _time_part(when: Instant | None) -> str:
    return when.iso if when is not None else "-"


def _transaction_part(transaction_id: str | None) -> str:
    if transaction_id is None:
        return "-"
    return "~2d" if transaction_id == "-" else escape(transaction_id)
