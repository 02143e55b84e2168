"""Waiting that a stop cuts short."""

import asyncio


async def pause(stopping: asyncio.Event, seconds: float) -> None:
    """Wait for the given time, or until `stopping` is set."""
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return
