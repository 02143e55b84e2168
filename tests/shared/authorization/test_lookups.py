"""What a look-up remembers, for how long, and what it does when storage fails."""

import asyncio

import pytest

from shared.authorization.decisions import Source
from shared.authorization.lookups import Lifetimes, Lookup
from shared.errors import StorageUnavailable
from tests.support.messages import within


class Storage:
    """Answers with the number of times it was asked, or fails, or waits, as a test tells it to."""

    def __init__(self):
        self.asked = 0
        self.fails = False
        self.opened = asyncio.Event()
        self.opened.set()

    async def ask(self, _key, _deadline):
        """The look-up's question."""
        self.asked += 1
        answer = self.asked
        await self.opened.wait()
        if self.fails:
            raise StorageUnavailable("storage is gone")
        return answer


class Clock:
    """Seconds that pass when a test says so."""

    seconds = 1000.0

    def __call__(self):
        """The time."""
        return self.seconds


@pytest.fixture
def storage():
    """Answers 1, then 2, ..."""
    return Storage()


@pytest.fixture
def clock():
    """Stands still by itself."""
    return Clock()


@pytest.fixture
def lookup(storage, clock):
    """Fresh for 30 s, due after 20 s, of use for 100 s."""
    return Lookup("thing", storage.ask, lambda _: Lifetimes(30, 20), 100, clock)


async def _settled(lookup):
    """Let what runs in the background come to its end."""
    await asyncio.gather(*(asking.task for asking in lookup._asking.values()))


async def test_what_was_found_answers_from_memory_while_it_is_fresh(lookup, storage, clock):
    """Live once, then from the cache."""
    assert await lookup.find("k", within(1)) == (1, Source.LIVE)
    clock.seconds += 19.9
    assert await lookup.find("k", within(1)) == (1, Source.CACHE)
    assert storage.asked == 1


async def test_what_is_due_answers_from_memory_and_is_asked_for_in_the_background(lookup, clock):
    """Nobody waits for it, and the next one has what is new."""
    await lookup.find("k", within(1))
    clock.seconds += 20

    assert await lookup.find("k", within(1)) == (1, Source.CACHE)
    await _settled(lookup)
    assert lookup.remembered("k") == (2, Source.CACHE)


async def test_what_is_old_is_asked_for_again(lookup, clock):
    """At its end, to the second."""
    await lookup.find("k", within(1))
    clock.seconds += 30

    assert await lookup.find("k", within(1)) == (2, Source.LIVE)


async def test_the_last_known_stands_in_while_storage_fails(lookup, storage, clock, caplog):
    """Up to its end, and then the error is the answer; the log tells of the failure."""
    await lookup.find("k", within(1))
    storage.fails = True
    clock.seconds += 99.9

    assert await lookup.find("k", within(1)) == (1, Source.STALE)
    clock.seconds += 0.1
    with pytest.raises(StorageUnavailable, match="gone"):
        await lookup.find("k", within(1))
    assert "what=thing error=StorageUnavailable: storage is gone" in caplog.text


async def test_with_something_to_fall_back_on_storage_gets_half_of_the_time(lookup, storage, clock):
    """And none where somebody has waited for so long already; without it, all of it."""
    await lookup.find("k", within(1))
    storage.opened.clear()
    clock.seconds += 40
    loop = asyncio.get_running_loop()

    began = loop.time()
    assert await lookup.find("k", within(0.2)) == (1, Source.STALE)
    assert 0.09 < loop.time() - began < 0.19
    clock.seconds += 1
    began = loop.time()
    assert await lookup.find("k", within(0.2)) == (1, Source.STALE)
    assert loop.time() - began < 0.05
    began = loop.time()
    with pytest.raises(StorageUnavailable, match="late"):
        await lookup.find("other", within(0.2))
    assert loop.time() - began > 0.18
    storage.opened.set()
    await _settled(lookup)


async def test_an_answer_that_comes_too_late_is_remembered(lookup, storage):
    """Else a slow storage would never fill the memory."""
    storage.opened.clear()
    with pytest.raises(StorageUnavailable):
        await lookup.find("k", within(0.02))
    storage.opened.set()
    await _settled(lookup)

    assert lookup.remembered("k") == (1, Source.CACHE)


async def test_however_many_ask_storage_is_asked_once(lookup, storage):
    """One charger with a nervous driver is one request."""
    storage.opened.clear()
    asking = [asyncio.create_task(lookup.find("k", within(1))) for _ in range(10)]
    await asyncio.sleep(0)
    storage.opened.set()

    assert {await each for each in asking} == {(1, Source.LIVE)}
    assert storage.asked == 1


async def test_one_who_gives_up_takes_nothing_from_the_others(lookup, storage):
    """A cancelled request leaves the question running."""
    storage.opened.clear()
    impatient, patient = (asyncio.create_task(lookup.find("k", within(1))) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    storage.opened.set()

    assert await patient == (1, Source.LIVE)


async def test_nothing_is_remembered_with_lifetimes_of_zero(storage, clock):
    """REALTIME_AUTH_CACHE_SECONDS=0 and REALTIME_AUTH_STALE_SECONDS=0 ask storage every time."""
    lookup = Lookup("thing", storage.ask, lambda _: Lifetimes(0, 0), 0, clock)

    assert [await lookup.find("k", within(1)) for _ in range(2)] == [(1, Source.LIVE), (2, Source.LIVE)]
    storage.fails = True
    with pytest.raises(StorageUnavailable):
        await lookup.find("k", within(1))
