"""Changes at eMabler: only operators' commands make any, and each is made once."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from ops.exits import WriteInDoubt
from ops.output import Output
from shared.emabler.rest.addresses import ApiVersion
from shared.emabler.rest.api import EmablerApi
from shared.emabler.rest.errors import ContractBroken, EmablerUnavailable, NotOffered

Result = TypeVar("Result")


def check_offered(api: EmablerApi, what: str) -> None:
    """Raises NotOffered where the API in use is known to have no way of adding that; to be asked before a person is."""
    if api.version is ApiVersion.V2:
        raise NotOffered(
            f"eMabler's API v2 has no way of adding {what} that we know. Add it in eMabler Connect; or set "
            "EMABLER_API_VERSION to v1, with a key and EMABLER_CLIENT_ID of v1, and run it again"
        )


async def written(write: Awaitable[Result], how_to_look: str, out: Output) -> Result:
    """The result of a write. `how_to_look` follows "look before you repeat it, ".

    Raises WriteInDoubt where eMabler may have carried it out and nobody knows, and every other error as it is. Who
    stops the command while eMabler is at it is told so.
    """
    try:
        return await write
    except EmablerUnavailable as error:
        if not error.was_sent:
            raise
        raise WriteInDoubt(f"{error}, {how_to_look}") from None
    except ContractBroken as error:
        raise WriteInDoubt(f"{error}. It may have been carried out: look before you repeat it, {how_to_look}") from None
    except asyncio.CancelledError:
        out.say(f"Stopped. eMabler may have carried it out: look before you repeat it, {how_to_look}.")
        raise
