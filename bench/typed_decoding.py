"""The push messages as msgspec reads them: the same names, told the right type, and nothing looked for beside.

It is the fastest typed decoder of JSON for Python, so it is what reading could cost at the least.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from shared.emabler.push_messages import MODELS, MeasurementItem, PushMessage

_Scalar = str | int | float | None


def decoders() -> dict[type[PushMessage], Callable[[bytes], Any]]:
    """By model, what reads a body into a struct with a field for each name that the model knows."""
    item = _struct("Item", MeasurementItem.model_fields, {})
    return {
        model: msgspec.json.Decoder(_struct(model.__name__, model.model_fields, {"measurements": list[item]})).decode
        for model in set(MODELS.values())
    }


def _struct(name: str, fields: dict[str, FieldInfo], typed: dict[str, Any]) -> type[msgspec.Struct]:
    names = [wire_name for field, info in fields.items() for wire_name in _wire_names(field, info)]
    return msgspec.defstruct(name, [(one, typed.get(one, _Scalar), None) for one in names])


def _wire_names(field: str, info: FieldInfo) -> list[str]:
    alias = info.validation_alias
    return [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else [str(alias or field)]
