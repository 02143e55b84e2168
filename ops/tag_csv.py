"""A list of tags as a CSV file: read with every problem by its line, and written so that it reads back the same.

Pure: bytes in, tags and problems out. docs/commands.md describes the columns for operators.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final, NamedTuple

from ops.tag_cells import COLUMNS, cells_of, read_tag_cells
from shared.authorization.tags import Tag
from shared.errors import Unacceptable

OTHER_NAMES: Final = {"tag": "id_tag", "rfid_tag_id": "id_tag", "rfid": "id_tag", "tag_type": "type"}
"""Names that a header may have instead."""

_DELIMITERS: Final = ",;\t"
_UTF_16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


class Problem(NamedTuple):
    """What is wrong in a file: at which line, None for the whole, and in which column. Holds no value of the file."""

    line: int | None
    column: str | None
    what: str

    def __str__(self) -> str:
        place = "" if self.line is None else f"line {self.line}: "
        return f"{place}{f'{self.column}: ' if self.column is not None else ''}{self.what}"


class FileTag(NamedTuple):
    """A tag of a file, the line where its row begins, and whether the row says if it is blocked."""

    line: int
    tag: Tag
    says_blocked: bool


@dataclass(slots=True)
class TagFile:
    """What a file says. Its tags may be used only where there are no problems; notes are no problems."""

    tags: list[FileTag] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class _Record(NamedTuple):
    """A line of the file, or several where a cell has line breaks: the first one's number, and the cells."""

    line: int
    cells: list[str]


def read_tag_file(content: bytes, time_zone: str) -> TagFile:
    """Everything that a CSV file says, and all that is wrong with it.

    `time_zone` is an IANA name, for rows without one. Raises Unacceptable with the reason `bad-time-zone`.
    """
    file = TagFile()
    try:
        records = list(_records(_text(content)))
        columns = _columns(records)
    except _Unreadable as unreadable:
        file.problems += unreadable.problems
        return file
    seen: dict[str, tuple[int, str]] = {}
    for record in records[1:]:
        _read_record(record, columns, time_zone, file, seen)
    if len(records) == 1:
        file.problems.append(Problem(None, None, "the file has a header and no tags"))
    _note_cases(seen, file)
    return file


def write_tag_file(tags: Iterable[Tag]) -> Iterator[str]:
    """The lines of a file with all columns, header first, each with its line break."""
    yield _line(COLUMNS)
    for tag in tags:
        yield _line(cells_of(tag).values())


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()


class _Unreadable(Unacceptable):
    """The file as a whole cannot be read."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("unreadable-file")
        self.problems = problems


def _text(content: bytes) -> str:
    if content.startswith(_UTF_16_MARKS):
        raise _Unreadable(Problem(None, None, "the file is UTF-16; save it as CSV UTF-8"))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _Unreadable(Problem(line, None, "the file is not UTF-8 from here on; save it as CSV UTF-8")) from None


def _records(text: str) -> Iterator[_Record]:
    """The records that are not empty."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield _Record(line, cells)
            line = reader.line_num + 1
    except csv.Error as error:
        raise _Unreadable(Problem(line, None, f"cannot be read as CSV ({error}); is a quote missing?")) from None


def _columns(records: Sequence[_Record]) -> list[str]:
    """The columns that the header names, by their own names."""
    if not records:
        raise _Unreadable(Problem(None, None, "the file is empty"))
    line, header = records[0]
    names = [name.strip().lower().replace(" ", "_") for name in header]
    columns = [OTHER_NAMES.get(name, name) for name in names]
    while columns and not columns[-1]:  # spreadsheets add empty columns at the right
        columns.pop()
    problems = [
        Problem(line, name or None, _unknown_column(name))
        for name, column in zip(names, columns, strict=False)
        if column not in COLUMNS
    ]
    problems += [
        Problem(line, column, "the header names this column twice")
        for column in sorted(set(columns))
        if column in COLUMNS and columns.count(column) > 1
    ]
    if "id_tag" not in columns:
        problems.append(Problem(line, "id_tag", "the header does not name this column"))
    if problems:
        raise _Unreadable(*problems)
    return columns


def _unknown_column(name: str) -> str:
    if not name:
        return "the header has a column without a name"
    nearest = get_close_matches(name, [*COLUMNS, *OTHER_NAMES], n=1)
    advice = f"is it {OTHER_NAMES.get(nearest[0], nearest[0])}?" if nearest else f"there are: {', '.join(COLUMNS)}"
    return f"no such column; {advice}"


def _read_record(
    record: _Record, columns: list[str], time_zone: str, file: TagFile, seen: dict[str, tuple[int, str]]
) -> None:
    """Add the record's tag to the file, or what is wrong with it. `seen` has the tags before: line and spelling."""
    line, cells = record
    if len(cells) < len(columns) or any(cell.strip() for cell in cells[len(columns) :]):
        what = f"has {len(cells)} cells where the header has {len(columns)}; does a cell with a delimiter lack quotes?"
        file.problems.append(Problem(line, None, what))
        return
    texts = dict(zip(columns, cells, strict=False))
    read = read_tag_cells(texts, time_zone)
    file.problems += [Problem(line, column, what) for column, what in read.problems]
    if read.tag is not None:
        file.tags.append(FileTag(line, read.tag, read.says_blocked))
    if read.id_tag is None:
        return
    spelling = texts["id_tag"]
    first_line, first_spelling = seen.setdefault(read.id_tag, (line, spelling))
    if first_line != line:
        mixed = "" if first_spelling == spelling else ", there in another case or with other spaces"
        file.problems.append(Problem(line, "id_tag", f"the same tag as in line {first_line}{mixed}"))


def _note_cases(seen: dict[str, tuple[int, str]], file: TagFile) -> None:
    lines = [line for id_tag, (line, spelling) in seen.items() if spelling.strip() != id_tag]
    if lines:
        where = f"line {lines[0]}" if len(lines) == 1 else f"{len(lines):,} lines, the first is line {lines[0]}"
        file.notes.append(f"tags in lower case are stored in upper case ({where})")
