"""OData filters with `@name` parameters, filled in safely.

The SDK's own substitution writes the integer 1 as `true` and cannot tell Int64 from Int32, so it is done here.
Literals are those of learn.microsoft.com, "Querying tables and entities".
"""

import re
import uuid
from collections.abc import Mapping

from shared.instants import Instant
from shared.tables.values import EdmValue, Int64

# Quoted texts are matched first, so that an @ within one is no parameter.
_TEXT_OR_PARAMETER = re.compile(r"'(?:[^']|'')*'|@(\w+)")


def fill_filter(filter_text: str, parameters: Mapping[str, EdmValue]) -> str:
    """The filter with every `@name` replaced by the literal of that parameter. Raises ValueError for unknown names."""

    def literal(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return match[0]
        if name not in parameters:
            raise ValueError(f"the filter names @{name}, which is not among its parameters")
        return odata_literal(parameters[name])

    return _TEXT_OR_PARAMETER.sub(literal, filter_text)


def odata_literal(value: EdmValue) -> str:
    """The value as an OData filter has it. Raises ValueError for None, which no column can equal."""
    if value is None:
        raise ValueError("None cannot be asked for: a column without a value does not exist")
    for python_type, form in _LITERALS:
        if isinstance(value, python_type):
            return form(value)
    raise ValueError(f"a {type(value).__name__} has no literal in a filter")


_LITERALS = (
    (str, lambda value: "'" + value.replace("'", "''") + "'"),
    (bool, lambda value: str(value).lower()),
    (Int64, lambda value: f"{int(value)}L"),
    (Instant, lambda value: f"datetime'{value.iso}'"),
    (int, lambda value: str(int(value))),
    (float, repr),
    (bytes, lambda value: f"X'{value.hex()}'"),
    (uuid.UUID, lambda value: f"guid'{value}'"),
)
