"""The rules of the machine about tags: lists are changed in every way and with every trouble, and drivers tap.

A list is the one before or the new one, never half of either, and every tap is answered by a list that was in use a
moment ago (docs/decisions/0008).
"""

from collections.abc import Coroutine
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.order.life import Life, troubles
from tests.order.process import CACHE_SECONDS, REMEMBERED_SECONDS, Content, Registry, answers, registry
from tests.support.mortal_tables import Trouble

STALE_SECONDS = 3600.0
"""The default of REALTIME_AUTH_STALE_SECONDS: how long a list may be out of date while storage fails."""

REFUSAL: dict[str, object] = {"charging_allowed": False, "reason": "UNAUTHORIZED_RFID_TAG_ID"}
"""What a tap is told that cannot be decided (docs/decisions/0007)."""

TAGS = ("TAG1", "TAG2", "TAG3")
contents = st.dictionaries(st.sampled_from(TAGS), st.booleans())


class TagRules(Life):
    """An operator who changes tags, and drivers who tap. `used` are the lists in use, each with since when."""

    def __init__(self) -> None:
        super().__init__()
        self.expected = Registry({}, {})
        self.used: list[tuple[float, Content]] = [(-STALE_SECONDS * 2, {})]
        self.switched_at_seconds = -STALE_SECONDS
        self.unsure_until_seconds = 0.0

    @rule(content=contents, trouble=troubles)
    def import_list(self, content: Content, trouble: Trouble | None) -> None:
        """A whole new list."""
        self.change_tags(Registry(content, self.expected.current), self.process.import_list(content), trouble)

    @rule(id_tag=st.sampled_from(TAGS), is_blocked=st.booleans(), trouble=troubles)
    def put_tag(self, id_tag: str, trouble: Trouble | None, *, is_blocked: bool) -> None:
        """A tag is blocked, or may charge again."""
        after = self.expected._replace(current=self.expected.current | {id_tag: is_blocked})
        self.change_tags(after, self.process.put_tag(id_tag, is_blocked=is_blocked), trouble, is_switch=False)

    @precondition(lambda self: self.has_previous())
    @rule(trouble=troubles)
    def roll_back(self, trouble: Trouble | None) -> None:
        """The list before is in use again."""
        self.change_tags(Registry(self.expected.previous, self.expected.current), self.process.roll_back(), trouble)

    def has_previous(self) -> bool:
        """Whether there is a list to go back to."""
        return len(self.used) > 1 and bool(self.expected.previous)

    def change_tags(
        self, after: Registry, work: Coroutine[Any, Any, None], trouble: Trouble | None, *, is_switch: bool = True
    ) -> None:
        """A change of the lists is whole or not at all."""
        before = self.expected
        ended = self.live(work, trouble)
        found = self.run(registry(self.tables))
        is_done = ended.error is None and not ended.is_killed
        assert found == after or (not is_done and found == before), "half of a list is in use"
        self.expected = found
        self.used.append((self.clocks.seconds, found.current))
        if is_switch:
            self.switched_at_seconds = self.clocks.seconds

    @rule(id_tag=st.sampled_from(TAGS), has_storage=st.booleans())
    def tap(self, id_tag: str, *, has_storage: bool) -> None:
        """A driver holds a tag to a charger, perhaps while storage fails."""
        trouble = None if has_storage else Trouble(1, is_kill=False, has_effect=False)
        ended = self.live(self.process.tap(id_tag), trouble)
        assert ended.result is not None, "a tap got no answer"
        status, body = ended.result
        self.taps_waiting += 1
        assert status == 200
        body.pop("rfid_tag_type", None)
        body = {name: value for name, value in body.items() if value is not None}
        if not has_storage:
            self.unsure_until_seconds = self.clocks.seconds + REMEMBERED_SECONDS
        may_say = answers(self.contents_of_late(), id_tag)
        assert body in may_say or (not has_storage and body == REFUSAL), f"{body} instead of one of {may_say}"

    @precondition(lambda self: self.taps_waiting)
    @rule(trouble=st.builds(Trouble, st.integers(1, 3), st.booleans(), st.booleans()))
    def write_decisions(self, trouble: Trouble) -> None:
        """The answers so far are written; those that cannot be now, wait."""
        self.live(self.process.flush(), trouble)

    @rule(id_tag=st.sampled_from(TAGS))
    def revoke(self, id_tag: str) -> None:
        """A tag that was just let in is blocked, and is not let in when the cache's time is over."""
        self.put_tag(id_tag, None, is_blocked=False)
        self.time_passes(REMEMBERED_SECONDS)
        self.tap(id_tag, has_storage=True)
        self.put_tag(id_tag, None, is_blocked=True)
        self.time_passes(CACHE_SECONDS)
        self.tap(id_tag, has_storage=True)

    def contents_of_late(self) -> list[Content]:
        """The lists that a tap may still be answered by."""
        now = self.clocks.seconds
        seconds = CACHE_SECONDS if now - self.switched_at_seconds > REMEMBERED_SECONDS else REMEMBERED_SECONDS
        if now <= self.unsure_until_seconds:
            seconds += STALE_SECONDS
        later_ones = [since for since, _ in self.used[1:]] + [float("inf")]
        return [content for (_, content), until in zip(self.used, later_ones, strict=True) if until > now - seconds]
