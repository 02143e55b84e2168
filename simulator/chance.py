"""Decisions by chance."""

import random


def happens(rng: random.Random, share: float) -> bool:
    """Whether something happens that does in that share of all cases."""
    return rng.random() < share
