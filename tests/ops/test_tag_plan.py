"""What an import does to a list."""

from ops.tag_csv import FileTag
from ops.tag_plan import Change, plan_import
from shared.authorization.tags import Places, Tag


def _file(*tags, says_blocked=True):
    return [FileTag(line, tag, says_blocked) for line, tag in enumerate(tags, start=2)]


def _list(*tags):
    return {tag.id_tag: tag for tag in tags}


def test_a_file_adds_and_changes_and_leaves_the_others():
    """A row replaces the whole tag: what it does not say is gone."""
    old = Tag("A", note="old", allowed=Places(prefixes=("P",)))
    plan = plan_import(
        _list(old, Tag("B"), Tag("C")), [], _file(Tag("A", note="new"), Tag("B"), Tag("D")), replaces=False
    )

    assert plan.result == _list(Tag("A", note="new"), Tag("B"), Tag("C"), Tag("D"))
    assert plan.added == [Tag("D")]
    assert plan.changed == [Change(old, Tag("A", note="new"))]
    assert plan.changed[0].columns == ["allow_prefixes", "note"]
    assert (plan.unchanged, plan.removed, plan.changes_something) == (2, [], True)


def test_a_whole_list_removes_what_it_does_not_have():
    """Only where that was asked for."""
    plan = plan_import(_list(Tag("A"), Tag("B")), [], _file(Tag("A"), Tag("C")), replaces=True)

    assert plan.result == _list(Tag("A"), Tag("C"))
    assert (plan.added, plan.removed, plan.unchanged) == ([Tag("C")], [Tag("B")], 1)


def test_the_same_list_changes_nothing():
    """In either way."""
    for replaces in (False, True):
        plan = plan_import(_list(Tag("A"), Tag("B")), [], _file(Tag("B"), Tag("A")), replaces=replaces)
        assert (plan.changes_something, plan.unchanged) == (False, 2)


def test_nobody_is_unblocked_by_a_file_that_does_not_say_so():
    """A row that says no does unblock."""
    current = _list(Tag("A", is_blocked=True))
    silent = plan_import(current, [], _file(Tag("A", note="n"), says_blocked=False), replaces=True)
    explicit = plan_import(current, [], _file(Tag("A", note="n")), replaces=True)

    assert silent.result == _list(Tag("A", is_blocked=True, note="n"))
    assert silent.still_blocked == ["A"]
    assert explicit.result == _list(Tag("A", note="n"))
    assert explicit.still_blocked == []


def test_a_tag_that_cannot_be_read_is_repaired_or_stands_in_the_way():
    """It is neither lost in silence nor kept: to drop it would make it unknown, which roaming partners may let in."""
    repaired = plan_import({}, ["A"], _file(Tag("A")), replaces=False)
    in_the_way = plan_import({}, ["A"], _file(Tag("B")), replaces=False)
    replaced = plan_import({}, ["A"], _file(Tag("B")), replaces=True)

    assert (repaired.repaired, repaired.unreadable, repaired.added) == (["A"], [], [])
    assert repaired.changes_something
    assert (in_the_way.repaired, in_the_way.unreadable) == ([], ["A"])
    assert (replaced.repaired, replaced.unreadable) == (["A"], [])
