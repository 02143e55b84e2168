"""Merging into rows with a history: nobody's change is lost, nothing is written over, and reads are spared."""

import asyncio
from collections import Counter
from dataclasses import dataclass

import pytest

from shared.deadlines import Deadline
from shared.errors import RowRefused, StorageUnavailable
from shared.tables.merging import MAX_ROUNDS, Merged, RowMerger
from shared.tables.store import Kind, Operation, StoredRow
from tests.shared.tables.rows import row, soon
from tests.support.memory_tables import MemoryTables


@dataclass
class Add:
    """Adds its words to those of a row; nothing to write where the row has them all."""

    words: str
    row_key: str = "1"
    partition_key: str = "p"
    table: str = "T"
    is_likely_new: bool = False

    def merged(self, current):
        """See RowChange."""
        known = set(current["words"]) if current is not None else set()
        together = known | set(self.words)
        if together == known:
            return None
        return row(self.row_key, self.partition_key, words="".join(sorted(together)))


class Broken(Add):
    """A change with a mistake in it."""

    def merged(self, _current):
        """See RowChange."""
        raise ZeroDivisionError(self.words)


class TooLarge(Add):
    """A change into what no row can be."""

    def merged(self, _current):
        """See RowChange."""
        return row(self.row_key, self.partition_key, words="x" * 100_000)


class Watched(MemoryTables):
    """Tables that count their calls, with a table `T`, into which others can write at any time."""

    def __init__(self):
        super().__init__(before=lambda method, _: self.calls.update([method]))
        self.calls = Counter()
        self._tables["T"] = {}

    async def others_write(self, words, row_key="1"):
        """Somebody else replaces a row."""
        await self.execute("T", [Operation(Kind.UPSERT, row(row_key, words=words))], soon())
        self.calls.clear()

    def words(self, table="T"):
        """The words of each row."""
        return {each["RowKey"]: each["words"] for each in self.rows(table)}


@pytest.fixture
def tables():
    """Empty."""
    return Watched()


@pytest.fixture
def merger(tables):
    """Remembers nothing yet."""
    return RowMerger(tables)


async def test_a_row_that_is_not_there_is_made(tables, merger):
    """And what was written is told: that there was nothing before, and what is there now."""
    assert await merger.merge([Add("a")], soon()) == ([Merged(None, row(words="a"))], {})
    assert tables.words() == {"1": "a"}


async def test_a_row_that_is_there_is_merged_into(tables, merger):
    """With both of its states told."""
    await tables.others_write("a")

    assert await merger.merge([Add("b")], soon()) == ([Merged(row(words="a"), row(words="ab"))], {})
    assert tables.words() == {"1": "ab"}


async def test_what_changes_nothing_is_not_written(tables, merger):
    """Nor told."""
    await tables.others_write("ab")

    assert await merger.merge([Add("a")], soon()) == ([], {})
    assert tables.calls == {"get": 1}


async def test_nothing_to_do_asks_nothing(tables, merger):
    """Not even storage that is gone."""
    assert await merger.merge([], Deadline.after(0)) == ([], {})
    assert tables.calls == {}


async def test_changes_of_many_tables_partitions_and_rows_are_all_made(tables, merger):
    """More than a transaction takes, at once, and in tables that are not there yet."""
    changes = [
        Add("a", f"{number:03d}", partition, table)
        for table in ("T", "New")
        for partition in ("p", "q")
        for number in range(250)
    ]

    merged, refusals = await merger.merge(changes, soon())

    assert (len(merged), refusals) == (1000, {})
    assert [len(tables.rows(table)) for table in ("T", "New")] == [500, 500]


async def test_rows_of_one_partition_travel_together(tables, merger):
    """A hundred rows are one transaction, which is what Table Storage takes."""
    await merger.merge([Add("a", f"{number:03d}", is_likely_new=True) for number in range(200)], soon())

    assert tables.calls == {"execute": 2}


# ---- What is remembered --------------------------------------------------------------------------------------------


async def test_a_row_that_was_written_is_not_read_again(tables, merger):
    """Its ETag is remembered with it."""
    await merger.merge([Add("a")], soon())
    tables.calls.clear()

    await merger.merge([Add("b")], soon())

    assert tables.words() == {"1": "ab"}
    assert tables.calls == {"execute": 1}


async def test_a_row_that_was_read_is_not_read_again(tables, merger):
    """Also where nothing was written."""
    await tables.others_write("a")

    await merger.merge([Add("a")], soon())
    await merger.merge([Add("a")], soon())

    assert tables.calls == {"get": 1}


async def test_a_row_that_is_made_known_is_not_read(tables, merger):
    """Whoever reads a partition as a whole spares a read for each of its rows."""
    await tables.others_write("a", "1")
    await tables.others_write("b", "2")
    merger.know("T", await tables.find("T", "", soon()))
    tables.calls.clear()

    merged, _ = await merger.merge([Add("c", "1"), Add("c", "2")], soon())

    assert tables.words() == {"1": "ac", "2": "bc"}
    assert [one.before["words"] for one in merged] == ["a", "b"]
    assert tables.calls == {"execute": 1}


async def test_what_is_known_of_a_row_is_known_of_that_row_alone(tables, merger):
    """The same keys in another table or partition are another row."""
    known = StoredRow(row(words="z"), 'W/"0"')
    merger.know("T", [known])

    await merger.merge([Add("a", "1", "q"), Add("a", "1", "p", "New")], soon())

    assert tables.words() == {"1": "a"}
    assert tables.words("New") == {"1": "a"}


async def test_the_rows_least_used_are_forgotten_first(tables):
    """Memory has an end; a row that is forgotten is read again."""
    merger = RowMerger(tables, most_remembered_rows=2)
    for row_key in ("1", "2", "1", "3"):
        await merger.merge([Add("a", row_key)], soon())
    tables.calls.clear()

    await merger.merge([Add("b", "1")], soon())
    assert tables.calls == {"execute": 1}
    await merger.merge([Add("b", "3")], soon())
    assert tables.calls == {"execute": 2}
    await merger.merge([Add("b", "2")], soon())
    assert tables.calls == {"execute": 3, "get": 1}


async def test_ten_thousand_rows_are_remembered_unless_somebody_says_otherwise(tables, merger):
    """A fleet's worth."""
    merger.know("T", (StoredRow(row(f"{number}", words="a"), 'W/"0"') for number in range(10_001)))

    assert await merger.merge([Add("a", "1")], soon()) == ([], {})
    assert tables.calls == {}
    await merger.merge([Add("a", "0")], soon())
    assert tables.calls == {"get": 1, "execute": 1}


# ---- Rows that are probably new ------------------------------------------------------------------------------------


async def test_a_row_that_is_probably_new_is_not_looked_for(tables, merger):
    """Most are, and a read for each would cost more than the few that are not."""
    await merger.merge([Add("a", is_likely_new=True)], soon())

    assert tables.words() == {"1": "a"}
    assert tables.calls == {"execute": 1}


async def test_a_row_that_is_there_against_all_odds_is_merged_into(tables, merger):
    """It costs a second round."""
    await tables.others_write("a")

    assert await merger.merge([Add("b", is_likely_new=True)], soon()) == ([Merged(row(words="a"), row(words="ab"))], {})
    assert tables.calls == {"execute": 2, "get": 1}


# ---- Others --------------------------------------------------------------------------------------------------------


async def test_what_others_wrote_meanwhile_is_not_lost(tables, merger):
    """What is remembered is out of date; the write's condition says so."""
    await merger.merge([Add("a", "1"), Add("a", "2")], soon())
    await tables.others_write("xy", "1")

    merged, refusals = await merger.merge([Add("b", "1"), Add("b", "2")], soon())

    assert tables.words() == {"1": "bxy", "2": "ab"}
    assert {one.before["words"]: one.after["words"] for one in merged} == {"xy": "bxy", "a": "ab"}
    assert refusals == {}


async def test_a_row_that_others_deleted_is_made_again(tables, merger):
    """Its table may have been dropped too."""
    await merger.merge([Add("a")], soon())
    await tables.drop_table("T")

    assert await merger.merge([Add("b")], soon()) == ([Merged(None, row(words="b"))], {})


async def test_two_at_once_lose_nothing(tables):
    """Whoever is second reads again."""
    mergers = [RowMerger(tables) for _ in range(2)]

    await asyncio.gather(*(merger.merge([Add(word)], soon()) for word in "abc" for merger in mergers))

    assert tables.words() == {"1": "abc"}


class Contested(Watched):
    """Somebody else writes the row just before each of our first `times` writes."""

    def __init__(self, times):
        super().__init__()
        self.times = times

    async def execute(self, table, operations, deadline):
        """See Tables."""
        if self.times > 0:
            self.times -= 1
            others = Operation(Kind.UPSERT, row(words=chr(ord("A") + self.times)))
            await super().execute(table, [others], deadline)
        return await super().execute(table, operations, deadline)


@pytest.fixture
def pauses_seconds(monkeypatch):
    """The pauses that were taken, each the longest that it could have been."""
    taken = []
    monkeypatch.setattr("random.uniform", lambda _, longest: longest)

    async def taking(seconds):
        taken.append(seconds)

    monkeypatch.setattr("asyncio.sleep", taking)
    return taken


async def test_a_row_that_others_keep_changing_is_tried_twelve_times(pauses_seconds):
    """At once the first time, then ever more out of their pace."""
    tables = Contested(MAX_ROUNDS - 1)

    await RowMerger(tables).merge([Add("a")], Deadline.after(1000))

    assert tables.words() == {"1": "Aa"}
    assert pauses_seconds == [0.01 * 2**round_number for round_number in range(2, 12)]


async def test_a_row_that_others_never_leave_alone_is_given_back(pauses_seconds):
    """The same messages come again; the text names the table and nothing of the row."""
    tables = Contested(MAX_ROUNDS)

    with pytest.raises(StorageUnavailable, match=r"^rows of T changed under us 12 times in a row$"):
        await RowMerger(tables).merge([Add("a", is_likely_new=True)], Deadline.after(1000))
    assert tables.words() == {"1": "A"}


async def test_no_pause_is_longer_than_the_time_that_is_left(pauses_seconds):
    """The batch is given back at its deadline, and not after it."""
    await RowMerger(Contested(MAX_ROUNDS - 1)).merge([Add("a")], Deadline.after(5))

    assert max(pauses_seconds) <= 5
    assert pauses_seconds[:3] == [0.04, 0.08, 0.16]


async def test_pauses_are_random_from_none_at_all(monkeypatch, pauses_seconds):
    """Two workers that met must not meet again at the same moment."""
    drawn = []
    monkeypatch.setattr("random.uniform", lambda least, longest: drawn.append((least, longest)) or 0.0)

    await RowMerger(Contested(4)).merge([Add("a")], soon())

    assert drawn == [(0, 0.04), (0, 0.08), (0, 0.16)]
    assert pauses_seconds == [0.0, 0.0, 0.0]


# ---- What cannot be stored -----------------------------------------------------------------------------------------


async def test_one_row_that_cannot_be_stored_costs_the_others_nothing(tables, merger):
    """It is told by its place in what was asked for."""
    changes = [Add("a", "1"), TooLarge("b", "2"), Add("c", "3"), TooLarge("d", "1", "q"), Add("e", "2", "q")]

    merged, refusals = await merger.merge(changes, soon())

    assert sorted(one.after["words"] for one in merged) == ["a", "c", "e"]
    assert {position: refusal.code for position, refusal in refusals.items()} == {
        1: "PropertyValueTooLarge",
        3: "PropertyValueTooLarge",
    }


async def test_one_row_that_the_service_refuses_costs_the_others_nothing(tables, merger):
    """Whether it names the row or not; what it takes meanwhile is told as ever."""
    refusing = tables.execute

    async def execute(table, operations, deadline):
        for index, operation in enumerate(operations):
            if operation.row["words"] == "b":
                named = index if len(operations) < 4 else None
                raise RowRefused("no", index=named, code="Refused")
        return await refusing(table, operations, deadline)

    tables.execute = execute
    by_row = [await merger.merge([Add(word, f"{part}{word}") for word in "abc"[:part]], soon()) for part in (3, 1)]
    alone = await merger.merge([Add(word, f"x{word}") for word in "abcd"], soon())

    assert [(len(merged), list(refusals)) for merged, refusals in [*by_row, alone]] == [(2, [1]), (1, []), (3, [1])]
    assert sorted(tables.words()) == ["1a", "3a", "3c", "xa", "xc", "xd"]


async def test_a_fault_in_one_merge_costs_the_others_nothing(tables, merger):
    """It is set aside as a fault of the app, with nothing of the row in its text."""
    merged, refusals = await merger.merge([Add("a", "1"), Broken("secret", "2"), Add("c", "3")], soon())

    assert tables.words() == {"1": "a", "3": "c"}
    assert len(merged) == 2
    assert list(refusals) == [1]
    assert (refusals[1].reason, refusals[1].code, refusals[1].status) == ("row-refused-NotMerged", "NotMerged", 0)
    assert str(refusals[1]) == "ZeroDivisionError while merging: a fault of this app, report it"


async def test_a_refused_row_is_not_tried_again_beside_one_that_others_changed(tables, merger):
    """The second round is for what was in conflict alone."""
    await merger.merge([Add("a", "1")], soon())
    await tables.others_write("x", "1")

    merged, refusals = await merger.merge([Add("b", "1"), TooLarge("c", "2"), Broken("d", "3")], soon())

    assert tables.words() == {"1": "bx"}
    assert (len(merged), sorted(refusals)) == (1, [1, 2])
    assert tables.calls["get"] == 3


async def test_rows_that_are_in_conflict_one_by_one_are_all_tried_again(tables, merger):
    """The service refused them together without a word on which it meant."""
    await merger.merge([Add("a", row_key) for row_key in "123"], soon())
    await tables.others_write("x", "1")
    await tables.others_write("y", "2")
    working = tables.execute

    async def execute(table, operations, deadline):
        if len(operations) > 1:
            raise RowRefused("no", code="Refused")
        return await working(table, operations, deadline)

    tables.execute = execute
    merged, refusals = await merger.merge([Add("b", row_key) for row_key in "123"], soon())

    assert tables.words() == {"1": "bx", "2": "by", "3": "ab"}
    assert (len(merged), refusals) == (3, {})


@pytest.mark.parametrize(("failing", "written"), [("p", {"2": "a"}), ("q", {"1": "a"})])
async def test_storage_that_fails_in_one_partition_does_not_stop_the_others(tables, merger, failing, written):
    """All of it is tried before the batch is given back."""
    working = tables.execute

    async def execute(table, operations, deadline):
        if operations[0].row["PartitionKey"] == failing:
            raise StorageUnavailable("gone")
        return await working(table, operations, deadline)

    tables.execute = execute

    with pytest.raises(StorageUnavailable, match="gone"):
        await merger.merge([Add("a", "1", "p"), Add("a", "2", "q")], soon())
    assert tables.words() == written
