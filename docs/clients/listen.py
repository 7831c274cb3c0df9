"""Listens to a facility and prints a line for each message; after a break it goes on where it stopped.

pip install websockets
VIBELUX_KEY=vlx_... python listen.py salinas-1 [ws://127.0.0.1:8080]
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

import websockets

FOR_GOOD = {4401: "the key is not known", 4403: "the key may not read", 4404: "the key has no such facility"}


async def messages(server: str, facility: str, key: str) -> AsyncIterator[dict[str, Any]]:
    """Every message once and in order, over breaks and restarts. The key goes in a header, never in the address."""
    since, wait = "", 1.0
    while True:
        try:
            address = f"{server}/ws?facilityId={facility}{since}"
            async with websockets.connect(address, additional_headers={"X-API-Key": key}) as socket:
                async for text in socket:
                    message = json.loads(text)
                    since, wait = f"&since={message['seq']}", 1.0
                    if message["type"] != "heartbeat":
                        yield message
            code = socket.close_code
        except websockets.ConnectionClosedError as error:
            code = error.rcvd.code if error.rcvd else None
        except (OSError, websockets.InvalidHandshake):
            code = None
        if code in FOR_GOOD:
            sys.exit(FOR_GOOD[code])
        await asyncio.sleep(wait)
        wait = min(2 * wait, 30.0)


async def main(facility: str, server: str = "ws://127.0.0.1:8080") -> None:
    """One line a message: its number, and what to do or what a thing costs."""
    async for message in messages(server, facility, os.environ["VIBELUX_KEY"]):
        decision = message.get("decision") or message.get("data", {}).get("decision")
        told = decision["action"] if decision else json.dumps(message.get("data", message))[:100]
        print(message["seq"], message["type"], told, flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
