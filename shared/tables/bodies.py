"""A message's body in a row, as it came, whatever its size.

A column ends at 64 KiB and a row at 1 MiB (Table Storage's limits). So a body is kept as text where that fits and reads
well, else compressed in as many binary columns as it needs, else compressed over rows of its own in `LargeBodies`.
"""

import hashlib
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from shared.tables.store import EdmValue, Int64, Row

LARGE_BODIES = "LargeBodies"

_TEXT_LIMIT = 30_000
"""UTF-16 units; the service takes 32 Ki."""
_PIECE_BYTES = 64 * 1024
_PIECES_A_ROW = 8
"""512 KiB, which leaves the row's other columns as much; Azurite counts binary columns by their base64 (4/3)."""
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class StoredBody:
    """The columns a body fills in its event's row, and the rows it needs elsewhere (none, but for the very large)."""

    columns: dict[str, EdmValue]
    overflow_table: str = ""
    overflow_rows: tuple[Row, ...] = ()


def store_body(raw: bytes, overflow_table: str) -> StoredBody:
    """Lay a body out in columns; overflow rows go to the named table, and must be written before the row they are of.

    Their partition is the SHA-256 of the body itself, so that the same event in another spelling writes other rows.
    """
    text = _as_text(raw)
    if text is not None:
        return StoredBody(columns={"raw": text})
    compressed = zlib.compress(raw, level=6)
    pieces = [compressed[start : start + _PIECE_BYTES] for start in range(0, len(compressed), _PIECE_BYTES)]
    columns: dict[str, EdmValue] = {"raw_length_bytes": Int64(len(raw))}
    if len(pieces) <= _PIECES_A_ROW:
        return StoredBody({**columns, **_piece_columns(pieces)})
    digest = hashlib.sha256(raw).hexdigest()
    rows = tuple(
        {"PartitionKey": digest, "RowKey": f"{number:04d}", **_piece_columns(pieces[start : start + _PIECES_A_ROW])}
        for number, start in enumerate(range(0, len(pieces), _PIECES_A_ROW))
    )
    columns |= {"raw_table": overflow_table, "raw_partition": digest, "raw_rows": len(rows)}
    return StoredBody(columns, overflow_table, rows)


def restore_body(row: Row, overflow_rows: Iterable[Row] = ()) -> bytes:
    """The body bit for bit. A row with a `raw_table` column needs that table's rows of partition `raw_partition`."""
    text = row.get("raw")
    if isinstance(text, str):
        return text.encode()
    parts = sorted(overflow_rows, key=lambda part: str(part["RowKey"])) or [row]
    compressed = b"".join(
        value
        for part in parts
        for name, value in sorted(part.items())
        if name.startswith("raw_zlib_") and isinstance(value, bytes)
    )
    return zlib.decompress(compressed)


def _as_text(raw: bytes) -> str | None:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    fits = len(text) <= _TEXT_LIMIT and (text.isascii() or len(text.encode("utf-16-le")) <= 2 * _TEXT_LIMIT)
    # Nearly all bodies are printable to the last character, which is known faster than what they do not hold.
    return text if fits and (text.isprintable() or not _CONTROL.search(text)) else None


def _piece_columns(pieces: list[bytes]) -> dict[str, EdmValue]:
    return {f"raw_zlib_{number:02d}": piece for number, piece in enumerate(pieces)}
