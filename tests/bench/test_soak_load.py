"""The load of a soak."""

import json
from collections import Counter

from bench.soak_load import CHARGERS, Life, sessions_of_others

MESSAGES = 5000


def _charger(body):
    return json.loads(body)["chargerId"]


def _is_json(body):
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def test_some_messages_are_repeats_and_a_few_cannot_be_used():
    """Five in a hundred, and four in a thousand, each of these another one."""
    bodies = Life().take(MESSAGES)

    unusable = [body for body in bodies if not _is_json(body)]
    repeats = sum(count - 1 for count in Counter(bodies).values())
    assert 0.03 < repeats / MESSAGES < 0.07
    assert 0.002 < len(unusable) / MESSAGES < 0.008
    assert len(set(unusable)) == len(unusable)


def test_the_fleets_own_time_goes_on_with_its_messages():
    """By it months are over: a charger has some forty messages a day."""
    life = Life()
    begin = life.now
    life.take(MESSAGES)

    assert 3 <= (life.now - begin).days <= 6


def test_the_sessions_before_are_of_other_chargers():
    """Or the two would tell different things of one session."""
    ours = {_charger(body) for body in Life().take(MESSAGES) if _is_json(body)}
    others = {_charger(body) for body in sessions_of_others(100)}

    assert len(ours) == CHARGERS
    assert ours.isdisjoint(others)
