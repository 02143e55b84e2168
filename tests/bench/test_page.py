"""The page that readers get."""

from bench.page import markdown
from bench.results import Circumstances, Goal, Result, Table


def _result(*goals):
    return Result(
        title="Speed",
        how="Ours against theirs.",
        tables=[Table(title="Messages a second", columns=["", "messages/s"], rows=[["ours", "2"]])],
        goals=list(goals),
        circumstances=Circumstances(
            taken_at="2026-01-01", machine="a laptop", percent_busy_before=1.2, percent_busy_after=20
        ),
    )


def test_a_missed_goal_is_reported_as_missed_with_its_reason():
    """Both in the list of goals and in the measurement's own section."""
    page = markdown({"speed": _result(Goal(what="ratio", wanted="2", measured="1", is_met=False, reason="Too slow."))})

    assert "| [speed](#speed) | ratio | 2 | 1 | **missed** |" in page
    assert "- ratio: 1; goal 2: **missed**. Too slow." in page


def test_a_section_tells_when_and_beside_what_it_was_taken():
    """Figures without their circumstances say nothing."""
    page = markdown({"speed": _result()})

    assert "Taken 2026-01-01 on a laptop; cores busy with others 1 % before and 20 % after." in page


def test_tables_are_markdown():
    """The first column is text, the others are figures and stand to the right."""
    page = markdown({"speed": _result()})

    assert "|  | messages/s |\n| --- | ---: |\n| ours | 2 |" in page
