"""What an import would do to the list in use: pure, so that a plan is the same whether it is shown or carried out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from ops.tag_cells import cells_of
from ops.tag_csv import FileTag
from shared.authorization.tags import Tag


class Change(NamedTuple):
    """A tag that a file describes otherwise than the list does."""

    before: Tag
    after: Tag

    @property
    def columns(self) -> list[str]:
        """The columns that differ."""
        before, after = cells_of(self.before), cells_of(self.after)
        return [column for column, text in after.items() if text != before[column]]


@dataclass(frozen=True, slots=True)
class Plan:
    """The list that an import makes, and how it differs from the one in use."""

    result: dict[str, Tag]
    added: list[Tag]
    changed: list[Change]
    unchanged: int
    removed: list[Tag]
    still_blocked: list[str]
    """Tags that stay blocked because the file does not say whether they are."""
    repaired: list[str]
    """Tags whose rows in the list cannot be read, and that the file replaces, or drops with `--replace`."""
    unreadable: list[str]
    """Tags whose rows cannot be read, and that the file does not have: it must not be carried out with them."""

    @property
    def changes_something(self) -> bool:
        """Whether the result is another list than the one in use."""
        return bool(self.added or self.changed or self.removed or self.repaired)


def plan_import(
    current: Mapping[str, Tag], unreadable: Collection[str], file: Collection[FileTag], *, replaces: bool
) -> Plan:
    """What becomes of the list in use with the tags of a file: changed by them, or replaced.

    A row of the file replaces the whole tag of that id, but for one thing: where it does not say whether the tag is
    blocked, a tag that is blocked stays so, because nobody should be let in by a column that was left out.
    """
    wanted = {row.tag.id_tag: keep_block(row.tag, current.get(row.tag.id_tag), row.says_blocked) for row in file}
    added = [tag for id_tag, tag in wanted.items() if id_tag not in current and id_tag not in unreadable]
    pairs = [Change(current[id_tag], tag) for id_tag, tag in wanted.items() if id_tag in current]
    changed = [pair for pair in pairs if pair.before != pair.after]
    rest = {id_tag: tag for id_tag, tag in current.items() if id_tag not in wanted}
    return Plan(
        result=wanted if replaces else {**rest, **wanted},
        added=added,
        changed=changed,
        unchanged=len(pairs) - len(changed) + (0 if replaces else len(rest)),
        removed=list(rest.values()) if replaces else [],
        still_blocked=[row.tag.id_tag for row in file if wanted[row.tag.id_tag].is_blocked and not row.tag.is_blocked],
        repaired=sorted(id_tag for id_tag in unreadable if replaces or id_tag in wanted),
        unreadable=sorted(id_tag for id_tag in unreadable if not replaces and id_tag not in wanted),
    )


def keep_block(tag: Tag, before: Tag | None, says_blocked: bool) -> Tag:  # noqa: FBT001  # as the file's row has it
    """The tag, blocked where it was blocked before and nobody said otherwise."""
    return replace(tag, is_blocked=True) if before is not None and before.is_blocked and not says_blocked else tag
