"""A function's retry policy, as the real host applies it around an invocation before its trigger learns the outcome.

Sources: FunctionExecutorExtensions.cs and RandomizedExponentialBackoffStrategy.cs in
https://github.com/Azure/azure-webjobs-sdk, and
https://learn.microsoft.com/azure/azure-functions/functions-bindings-error-pages#retry-policies, which also says for
which triggers there are policies; of those that this host serves it honours them for Kafka, where they decide what
becomes of a message.
"""

import asyncio
import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Self

from local.functions_host.pauses import pause
from local.functions_host.protocol import TypedData
from local.functions_host.worker import IndexedFunction, InvokeAgain, Outcome

_log = logging.getLogger(__name__)

UNLIMITED = -1
_SPREAD = 0.2
"""A delay of the exponential strategy is this share shorter or longer, by chance."""


@dataclass(frozen=True)
class RetryPolicy:
    """How often a failed invocation is repeated (-1: until it succeeds), and how long after the failure.

    The delay is the minimum where that is the maximum (fixed delay); else the first is twice the minimum, give or take
    the spread, and they grow to the maximum.
    """

    max_retry_count: int
    minimum_seconds: float
    maximum_seconds: float

    @classmethod
    def of(cls, function: IndexedFunction) -> Self | None:
        """The policy of a function; None for one that has none."""
        options = function.retry_options
        return None if options is None else cls._of_options(options)

    @classmethod
    def _of_options(cls, options: SimpleNamespace) -> Self:
        if options.retry_strategy == "fixed_delay":
            delay_seconds = options.delay_interval.total_seconds()
            return cls(options.max_retry_count, delay_seconds, delay_seconds)
        return cls(
            options.max_retry_count,
            options.minimum_interval.total_seconds(),
            options.maximum_interval.total_seconds(),
        )

    def allows(self, retries: int) -> bool:
        """Whether there is another retry after so many."""
        return self.max_retry_count == UNLIMITED or retries < self.max_retry_count

    def delay_seconds(self, retries: int, chance: random.Random) -> float:
        """How long to wait before the retry that has so many before it."""
        # An outage can outlast the exponent that a float can hold.
        doublings = min(retries, 60)
        spread = chance.uniform(1 - _SPREAD, 1 + _SPREAD)
        return min(self.minimum_seconds * (1 + spread * 2.0**doublings), self.maximum_seconds)


async def invoke_with_retries(
    function: IndexedFunction,
    data: TypedData,
    metadata: Mapping[str, TypedData],
    invoke: InvokeAgain,
    stopping: asyncio.Event,
) -> Outcome:
    """Invoke the function until it succeeds, its policy is exhausted, or the host stops; returns the last outcome."""
    policy, chance = RetryPolicy.of(function), random.Random()  # noqa: S311  # spreads delays, guards nothing
    retries = 0
    while True:
        outcome = await invoke(function, data, metadata, retries, policy.max_retry_count if policy else 0)
        if outcome.succeeded or policy is None or not policy.allows(retries):
            return outcome
        delay_seconds = policy.delay_seconds(retries, chance)
        retries += 1
        _log.info("%s: retry %d follows in %.1f s", function.name, retries, delay_seconds)
        await pause(stopping, delay_seconds)
        if stopping.is_set():
            return outcome
