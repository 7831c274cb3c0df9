"""The live stream: every message of a facility once and in order, over breaks and restarts."""

import time
from collections.abc import Iterator
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

from vibelux.client.answers import Message, message_of
from vibelux.client.errors import Unreachable, refused

_WAITS = (0.5, 30.0)
"""Seconds before the first try after a break, and at most between two."""
_SILENCE_SECONDS = 45.0
"""Three heartbeats: a line that says nothing for so long is dead, whatever TCP thinks."""
_MOST_BYTES = 16 * 1024 * 1024

_REFUSALS = {4401: "Unauthorized", 4403: "Forbidden", 4404: "Not found"}


def listen(server: str, key: str, facility_id: str, since: int | None) -> Iterator[Message]:
    """Connects, and again after each break, from where it stopped.

    Raises:
        Unreachable: the first connection does not come about; later ones are tried until they do.
        Refused: the key does not open the facility, or does no longer.
    """
    wait, been_there = _WAITS[0], False
    while True:
        asked = {"facilityId": facility_id} | ({} if since is None else {"since": str(since)})
        try:
            with connect(
                f"{server}/ws?{urlencode(asked)}", additional_headers={"X-API-Key": key}, max_size=_MOST_BYTES
            ) as socket:
                while True:
                    message = message_of(socket.recv(_SILENCE_SECONDS))
                    since, wait, been_there = message.seq, _WAITS[0], True
                    if message.type != "heartbeat":
                        yield message
        except ConnectionClosed as error:
            code = error.rcvd.code if error.rcvd else 0
            if code in _REFUSALS:
                raise refused(code - 4000, _REFUSALS[code]) from error
        except (OSError, InvalidHandshake) as error:
            if not been_there:
                raise Unreachable(f"no live stream from {server}: {error}") from error
        time.sleep(wait)
        wait = min(2 * wait, _WAITS[1])
