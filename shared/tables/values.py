"""The Python types a column may have; which Edm type each becomes is told in `shared.tables.store`."""

import uuid
from collections.abc import Mapping

from shared.instants import Instant


class Int64(int):
    """An integer stored as Edm.Int64, whatever its size, so that a column keeps one type for ever."""

    __slots__ = ()


EdmValue = str | bool | int | float | bytes | Instant | uuid.UUID | None
Row = Mapping[str, EdmValue]
