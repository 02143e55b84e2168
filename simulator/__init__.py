"""A stand-in for eMabler's pushing side: a fleet of chargers that lives through simulated days and knows what it sent.

    fleet = Fleet(seed=1, chargers=50, generation="mixed")
    messages = [*fleet.day(), *oddities(seed=1)]
    truth = Truth.of(messages)
    bodies = disturb(messages, seed=1)

It shares no code with the app, so that the two cannot make the same mistake.
"""

from simulator.disturb import disturb, oddities
from simulator.fleet import Fleet
from simulator.messages import Message
from simulator.truth import Truth

__all__ = ["Fleet", "Message", "Truth", "disturb", "oddities"]
