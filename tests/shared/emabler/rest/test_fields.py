"""Fields of every type that may come, and of some that should not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.emabler.rest.fields import MAX_TEXT_LENGTH, JsonFields
from shared.instants import Instant

NOON = Instant.from_iso("2025-04-02T12:00:00.0000000Z")


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (" a ", "a"), (7, "7"), (7.0, "7"), (1.5, "1.5"), (2**62, str(2**62)), ("", None), ("  ", None)],
)
def test_text_may_come_as_a_number(value, text):
    """Ids are text with us, whatever they are with eMabler; nothing is left of what is empty."""
    fields = JsonFields({"id": value})

    assert fields.text("id") == text
    assert not fields.unreadable


@pytest.mark.parametrize(
    ("value", "number"), [(7, 7.0), (1.5, 1.5), ("7", 7.0), ("1,5", 1.5), ("-3.25", -3.25), (" 8 ", 8.0)]
)
def test_numbers_may_come_as_text(value, number):
    """With a point or a comma."""
    assert JsonFields({"wh": value}).number("wh") == number


@pytest.mark.parametrize(
    ("value", "flag"),
    [(True, True), (False, False), ("true", True), ("False", False), (1, True), (0, False), ("1", True)],
)
def test_truth_values_may_come_as_text_or_numbers(value, flag):
    """.NET writes `True` where somebody makes text of it."""
    assert JsonFields({"on": value}).flag("on") is flag


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        ("2025-04-02T12:00:00Z", NOON),
        ("2025-04-02T12:00:00", NOON),
        ("2025-04-02T14:00:00.0000000+02:00", NOON),
        ("2025-04-02T12:00:00.0000007Z", Instant(NOON + 7)),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00", None),
        ("", None),
    ],
)
def test_times_are_instants_and_never_is_none(value, instant):
    """Naive times are UTC, year 1 is eMabler's "never"; neither is a fault."""
    fields = JsonFields({"at": value})

    assert fields.instant("at") == instant
    assert not fields.unreadable


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        ("text", True),
        ("text", {}),
        ("text", ["a"]),
        ("text", "x" * (MAX_TEXT_LENGTH + 1)),
        ("number", True),
        ("number", "many"),
        ("number", "nan"),
        ("number", "1e999"),
        ("number", []),
        ("flag", "perhaps"),
        ("flag", 2),
        ("instant", "yesterday"),
        ("instant", 1_743_595_200),
        ("instant", "1200-01-01T00:00:00Z"),
        ("objects", {"a": 1}),
        ("objects", [{"a": 1}, 7]),
        ("texts", "abc"),
        ("texts", ["a", None]),
    ],
)
def test_what_cannot_be_read_is_noted_by_name(reader, value):
    """It costs that field and nothing else."""
    fields = JsonFields({"odd": value, "good": "yes"})
    read = getattr(fields, reader)("odd")

    assert fields.unreadable == {"odd"}
    assert read is None or len(read) < len(value)
    assert fields.text("good") == "yes"


@pytest.mark.parametrize("reader", ["text", "number", "whole", "flag", "instant"])
@pytest.mark.parametrize("value", [{}, {"other": 1}, {"name": None}])
def test_null_and_missing_are_no_news(reader, value):
    """No field is promised."""
    fields = JsonFields(value)

    assert getattr(fields, reader)("name") is None
    assert not fields.unreadable


def test_names_count_without_case_and_in_order_of_preference():
    """The first name that has a value wins."""
    fields = JsonFields({"CHARGERNAME": "old", "Name": None})

    assert fields.text("name", "chargerName") == "old"


def test_what_a_nested_object_cannot_read_is_noted_with_its_row():
    """A row is told as a whole."""
    fields = JsonFields({"sockets": [{"id": []}]})
    (socket,) = fields.objects("sockets")
    socket.text("id")

    assert fields.unreadable == {"id"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(value=JSON)
def test_no_value_makes_a_reader_fail(value):
    """Whatever JSON can hold."""
    fields = JsonFields({"field": value})

    for reader in ("text", "number", "whole", "flag", "instant", "objects", "texts"):
        getattr(fields, reader)("field")

    assert fields.unreadable <= {"field"}
