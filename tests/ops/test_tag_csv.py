"""A file of tags: what it may look like, and every problem by its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.tag_cells import COLUMNS, read_tag_cells
from ops.tag_csv import read_tag_file, write_tag_file
from ops.tag_times import exact
from shared.authorization.hours import WeeklyHours
from shared.authorization.tags import Places, Tag, canonical_tag
from shared.errors import Unacceptable
from shared.instants import Instant
from shared.tables.limits import END_OF_INSTANTS, FIRST_INSTANT

WHOLE = """\
id_tag,type,blocked,valid_from,valid_until,allow_chargers,allow_sites,allow_prefixes,deny_chargers,deny_sites,deny_prefixes,hours,time_zone,name,note
AB12,RFID,yes,2026-01-01,2026-12-31,C2;C1,S|T,P,D,E,F; G;,Mon-Fri 07:00-19:00; Sat 08:00-12:00,Europe/Berlin,Ada,lost
"""


def _read(text, time_zone="UTC"):
    return read_tag_file(text.encode(), time_zone)


def _tags(text, time_zone="UTC"):
    file = _read(text, time_zone)
    assert file.problems == []
    return [row.tag for row in file.tags]


def _problems(text):
    return [str(problem) for problem in _read(text).problems]


def test_every_column_is_read():
    """Items in any order, separated by either sign; dates in the row's zone."""
    assert _tags(WHOLE) == [
        Tag(
            "AB12",
            tag_type="RFID",
            is_blocked=True,
            valid_from=Instant.from_iso("2025-12-31T23:00:00.0000000Z"),
            valid_until=Instant.from_iso("2026-12-31T23:00:00.0000000Z"),
            allowed=Places(frozenset({"C1", "C2"}), frozenset({"S", "T"}), ("P",)),
            denied=Places(frozenset({"D"}), frozenset({"E"}), ("F", "G")),
            hours=WeeklyHours.parse("Mon-Fri 07:00-19:00; Sat 08:00-12:00", "Europe/Berlin"),
            name="Ada",
            note="lost",
        )
    ]


@pytest.mark.parametrize("header", ["id_tag", "TAG", "Rfid", "rfid_tag_id", " ID Tag "])
def test_the_tag_column_has_several_names(header):
    """In any case."""
    assert _tags(f"{header},Name\nAB12,Ada\n") == [Tag("AB12", name="Ada")]


@pytest.mark.parametrize(
    "text",
    [
        "id_tag,name,allow_sites\nA,Ada,S;T\n",
        "id_tag;name;allow_sites\nA;Ada;S|T\n",
        'id_tag;name;allow_sites\nA;Ada;"S;T"\n',
        "id_tag\tname\tallow_sites\r\nA\tAda\tS;T\r\n",
        "\ufeffid_tag,name,allow_sites\n\n , ,\nA, Ada ,S; T\n",
        "id_tag,name,allow_sites,,\nA,Ada,S;T,,\n",
    ],
)
def test_files_of_any_spreadsheet_read_the_same(text):
    """Comma, semicolon or tab; with byte order mark, empty lines and empty columns."""
    assert _tags(text) == [Tag("A", name="Ada", allowed=Places(site_ids=frozenset({"S", "T"})))]


def test_the_default_zone_is_for_rows_without_one():
    """For their dates and their hours."""
    own, default = _tags(
        "id_tag,valid_from,hours,time_zone\nA,2026-01-01,Mon 08:00-09:00,UTC\nB,2026-01-01,Mon 08:00-09:00,\n",
        "Europe/Helsinki",
    )

    assert [exact(tag.valid_from) for tag in (own, default)] == ["2026-01-01T00:00:00Z", "2025-12-31T22:00:00Z"]
    assert [tag.hours.time_zone for tag in (own, default)] == ["UTC", "Europe/Helsinki"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("blocked=maybe", "line 2: blocked: write yes or no"),
        ("valid_from=31.12.2026", "line 2: valid_from: not a date or time; write it like 2026-12-31 or"),
        ("valid_until=2026-02-30", "line 2: valid_until: not a date or time"),
        ("valid_from=2026-06-01,valid_until=2026-05-31", "line 2: valid_until: ends before valid_from"),
        ("hours=weekdays", "line 2: hours: not weekly hours; write them like Mon-Fri 07:00-19:00"),
        ("time_zone=Berlin", "line 2: time_zone: not a time zone; write it like Europe/Helsinki"),
        ("name=" + "x" * 256, "line 2: name: has 256 characters; at most 255 are kept"),
        ("note=a\x07b", "line 2: note: holds a line break or another control character"),
        ("id_tag=", "line 2: id_tag: the tag is missing"),
        ("id_tag=" + "A" * 256, "line 2: id_tag: a tag has 1 to 255 characters"),
        ("id_tag=A\x00B", "line 2: id_tag: a tag has no control characters"),
        (
            "id_tag=1.23E+13",
            "line 2: id_tag: a spreadsheet made a rounded number of this tag; format the column as text",
        ),
        ("id_tag=4E+15", "line 2: id_tag: a spreadsheet made a rounded number"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(row, expected):
    """By line and column, with what would be right, and without the value."""
    cells = {"id_tag": "AB12", "type": "RFID"} | dict(cell.split("=") for cell in row.split(","))
    (problem,) = _problems(",".join(cells) + "\n" + ",".join(cells.values()) + "\n")

    assert problem.startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["the file is empty"]),
        (" \n\n", ["the file is empty"]),
        ("id_tag,name\n", ["the file has a header and no tags"]),
        ("name,blockd\nAda,no\n", ["blockd: no such column; is it blocked?", "id_tag: the header does not name"]),
        ("id_tag,colour\nA,red\n", ["colour: no such column; there are: id_tag, type"]),
        ("tag,rfid\nA,B\n", ["id_tag: the header names this column twice"]),
        ("id_tag,,name\nA,,Ada\n", ["the header has a column without a name"]),
        ("id_tag,name\nA\n", ["has 1 cells where the header has 2"]),
        (
            "id_tag,name\nA,Ada,Berlin\n",
            ["has 3 cells where the header has 2; does a cell with a delimiter lack quotes"],
        ),
        ('id_tag,name\nA,"Ada\n', ["cannot be read as CSV"]),
        ('id_tag,note\nA,"two\nlines"\nB,1,2\n', ["line 2: note: holds a line break", "line 4: has 3 cells"]),
    ],
)
def test_a_file_that_is_not_one_is_told(text, expected):
    """What is wrong with its form."""
    problems = _problems(text)

    assert len(problems) == len(expected)
    for problem, part in zip(problems, expected, strict=True):
        assert part in problem


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("id_tag\nA\n".encode("utf-16"), "the file is UTF-16; save it as CSV UTF-8"),
        ("id_tag,name\nA,Ada\nB,Zoë\n".encode("latin-1"), "line 3: the file is not UTF-8 from here on"),
    ],
)
def test_another_encoding_is_told(content, expected):
    """With how to save it."""
    (problem,) = read_tag_file(content, "UTC").problems

    assert str(problem).startswith(expected)


def test_a_tag_twice_is_told_with_its_first_line():
    """Also where case or spaces differ, and where another column is wrong."""
    assert _problems("id_tag,blocked\nab,\nAB,\ncd,\n cd,\nab,maybe\n") == [
        "line 3: id_tag: the same tag as in line 2, there in another case or with other spaces",
        "line 5: id_tag: the same tag as in line 4, there in another case or with other spaces",
        "line 6: blocked: write yes or no",
        "line 6: id_tag: the same tag as in line 2",
    ]


def test_lower_case_is_a_note_and_no_problem():
    """The tag is stored in upper case."""
    file = _read("id_tag\nAB\ncd\nEf\n")

    assert ([row.tag.id_tag for row in file.tags], file.problems) == (["AB", "CD", "EF"], [])
    assert file.notes == ["tags in lower case are stored in upper case (2 lines, the first is line 3)"]


def test_all_problems_are_found_at_once():
    """An operator mends a file once."""
    assert len(_problems("id_tag,blocked,valid_from\n,x,y\nA,x,2026-01-01\nB,no,y\n")) == 5


def test_whether_a_row_says_if_the_tag_is_blocked_is_kept():
    """An empty cell says nothing, and neither does a column that is not there."""
    assert [row.says_blocked for row in _read("id_tag,blocked\nA,no\nB,\nC,yes\n").tags] == [True, False, True]
    assert [row.says_blocked for row in _read("id_tag\nA\n").tags] == [False]


def test_a_default_zone_that_is_none_is_an_error():
    """It is no problem of the file."""
    with pytest.raises(Unacceptable):
        _read("id_tag\nA\n", "Berlin")


def test_the_columns_are_those_of_the_documentation():
    """docs/commands.md describes each of them."""
    assert set(WHOLE.splitlines()[0].split(",")) == set(COLUMNS)
    assert read_tag_cells({}, "UTC").problems[0].column == "id_tag"


# ---- Round trip ----------------------------------------------------------------------------------------------------

_WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20).map(str.strip)
_ITEMS = st.frozensets(_WORDS.filter(lambda word: word and not set(word) & set(";|")), max_size=3)
_TEXTS = _WORDS.map(lambda word: word or None)
_HOURS = st.sampled_from([None, "Mon-Fri 07:00-19:00", "Fri 22:00-06:00;Sat-Sun 00:00-24:00"])


@st.composite
def _any_tag(draw):
    begin, end = sorted(
        draw(st.lists(st.integers(FIRST_INSTANT, END_OF_INSTANTS - 1), min_size=2, max_size=2, unique=True))
    )
    hours = draw(_HOURS)
    places = [Places(draw(_ITEMS), draw(_ITEMS), tuple(sorted(draw(_ITEMS)))) for _ in range(2)]
    return Tag(
        canonical_tag(draw(_WORDS.filter(lambda word: word.upper().strip()))),
        draw(_TEXTS),
        draw(st.booleans()),
        Instant(begin) if draw(st.booleans()) else None,
        Instant(end) if draw(st.booleans()) else None,
        *places,
        WeeklyHours.parse(hours, "Europe/Berlin") if hours is not None else None,
        draw(_TEXTS),
        draw(_TEXTS),
    )


@given(
    st.lists(_any_tag(), min_size=1, max_size=5, unique_by=lambda tag: tag.id_tag),
    st.sampled_from(["UTC", "Asia/Tokyo"]),
)
def test_what_was_written_reads_back_the_same(tags, time_zone):
    """Whatever the tags hold, and whoever reads it."""
    assert _tags("".join(write_tag_file(tags)), time_zone) == tags
