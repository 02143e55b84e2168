"""Everything the bridge needs, on one machine: Azurite, the Service Bus stand-in, a functions host, and the simulator.

    python -m local.stack up

    with Stack() as stack:
        stack.pause("storage")

Every server is a process of its own, which ends with the process that started it, however that one ends (`lifeline`).
"""

from local.stack.errors import NotReady, PortTaken, ServiceEnded, StackError
from local.stack.stack import Stack

__all__ = ["NotReady", "PortTaken", "ServiceEnded", "Stack", "StackError"]
