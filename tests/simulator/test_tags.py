"""The drivers' tags and the operator's list of them."""

import csv
from collections import Counter

from simulator import Fleet
from simulator.tags import Driver, Standing, drivers, write_tag_list


def test_the_list_has_everybody_but_the_unknown(tmp_path):
    """With what makes each of them good, blocked, expired or at home elsewhere."""
    listed = write_tag_list(tmp_path / "tags.csv")
    with (tmp_path / "tags.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["id_tag"]: row for row in csv.DictReader(file)}
    standings = Counter(driver.standing for driver in drivers())

    assert len(rows) == listed == sum(standings.values()) - standings[Standing.UNKNOWN]
    assert standings.keys() == set(Standing)
    assert rows[Driver(1).id_tag]["blocked"] == "yes"
    assert rows[Driver(2).id_tag]["valid_until"] == "2024-12-31"
    assert rows[Driver(3).id_tag]["allow_prefixes"] == "PRIVATE-"
    assert Driver(10).id_tag not in rows


def test_tags_are_different_from_each_other():
    """Eight hexadecimal digits each."""
    tags = [driver.id_tag for driver in drivers()]

    assert len(set(tags)) == len(tags)
    assert {len(tag) for tag in tags} == {8}


def test_the_fleets_sessions_are_the_drivers():
    """So what a tap is answered can be compared with who charged."""
    told = {message.meaning.id_tag for message in Fleet(chargers=20).day()} - {None}

    assert told
    assert told <= {driver.id_tag for driver in drivers()}
