"""RealTimeAuth, eMabler's question for every tap of an RFID tag, and the answer it expects.

Both are documented with the Push API's webhook ("Webhook", "RealTimeAuth"): snake_case, unlike every other message. A
refusal is an answer like any other; only HTTP failures trigger the fallback that is configured at eMabler.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import Unacceptable

MAX_ID_LENGTH = 255
"""Characters of an id: the longest token of OCPP 2.1 (EVCCID)."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_Id = Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH)]


class Reason(StrEnum):
    """Why charging is not allowed, in eMabler's words.

    On a charger with OCPI, `UNKNOWN_RFID_TAG_ID` makes eMabler ask its roaming partners for the tag, so it is said of
    nothing but tags that really are not in the registry.
    """

    UNKNOWN_CHARGER_ID = "UNKNOWN_CHARGER_ID"
    UNKNOWN_RFID_TAG_ID = "UNKNOWN_RFID_TAG_ID"
    EXPIRED_RFID_TAG_ID = "EXPIRED_RFID_TAG_ID"
    UNAUTHORIZED_RFID_TAG_ID = "UNAUTHORIZED_RFID_TAG_ID"


class AuthRequest(BaseModel):
    """May this tag charge at this charger? There is no socket, no time and no request id."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    charger_id: _Id = Field(description="The charger's id at eMabler.", examples=["ID_OF_CHARGER"])
    rfid_tag_id: _Id = Field(description="What was held to the reader; compared without case.", examples=["TAG1234"])


class AuthAnswer(BaseModel):
    """Whether charging is allowed. What has nothing to say is left out, never null."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    charging_allowed: bool = Field(description="Whether the session may start.")
    rfid_tag_type: str | None = Field(
        default=None, description="The tag's type as the registry has it, where it has one."
    )
    reason: Reason | None = Field(default=None, description="On a refusal: why.")

    def to_json(self) -> bytes:
        """As it is sent."""
        return self.model_dump_json(exclude_none=True).encode()


def read_auth_request(body: bytes) -> AuthRequest:
    """The question in a body. Raises Unacceptable with the reason `no-auth-request` for everything else."""
    try:
        return AuthRequest.model_validate_json(body.removeprefix(_BYTE_ORDER_MARK))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['type']}" for problem in error.errors()
        )
        raise Unacceptable("no-auth-request", f"not a RealTimeAuth request: {problems}") from None
