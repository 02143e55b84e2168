"""Run in the folder of the package: makes the app's clients from the settings, and asks for the tokens they would show.

Prints what they are for, as JSON. It reaches the identity endpoint and nothing else.
"""

import asyncio
import json
import sys

from shared import services
from shared.settings import settings
from shared.tables.client import AzureTables
from shared.webhook.connecting import connect_queue


async def _tables(made: AzureTables) -> dict[str, str]:
    account = made._account
    shown = await account.authorization.headers("/PushEvents")
    told = {
        "endpoint": account.endpoint,
        "credential": type(account.authorization.sdk_credential()).__name__,
        "authorization": shown["Authorization"],
    }
    await made.close()
    return told


async def _queue() -> dict[str, str]:
    client = connect_queue(settings())
    credential = client._credential
    token = await credential.get_token("https://servicebus.azure.net/.default")
    told = {
        "host": client.fully_qualified_namespace,
        "credential": type(credential).__name__,
        "authorization": f"Bearer {token.token}",
    }
    await client.close()
    await credential.close()
    return told


async def _clients() -> dict[str, object]:
    return {
        "tables": await _tables(services.tables()),
        "tap_tables": await _tables(services.tap_tables()),
        "queue": await _queue(),
    }


sys.stdout.write(json.dumps(asyncio.run(_clients())))
