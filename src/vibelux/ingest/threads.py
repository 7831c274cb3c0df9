"""Runs long work beside the event loop; the reading of payloads is given up when it takes too long."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

import structlog

from vibelux.feeds import Feed
from vibelux.market.errors import Corrupt, TooLarge, VibeluxError

log = structlog.get_logger(__name__)

READ_SECONDS = 120.0
"""Real seconds; the largest honest payload takes about two."""

Result = TypeVar("Result")


async def in_thread(feed: Feed, work: Callable[[], Result]) -> Result:
    """What the reading of a payload returns.

    Raises:
        TooLarge: it takes too long; the thread is left to itself.
        Corrupt: it fails in a way that no reader should.
        VibeluxError: what `work` raises on purpose.
    """
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await beside(f"read {feed.name}", work)
    except TimeoutError:
        raise TooLarge(f"{feed.name}: not read within {READ_SECONDS:g} s") from None
    except VibeluxError:
        raise
    except Exception as error:
        log.exception("a reader failed", feed=feed.name)
        raise Corrupt(f"{feed.name}: the reader failed: {type(error).__name__}: {error}") from error


async def beside(name: str, work: Callable[[], Result]) -> Result:
    """What `work` returns, or raises; who is cancelled waits no longer, and the thread is left to itself.

    Each call has a thread of its own that ends with the process: one that never comes back can neither
    use up a pool nor hold up the end.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: Exception | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(result)  # type: ignore[arg-type] # without an error there is a result
        else:
            done.set_exception(error)

    def run() -> None:
        result, failure = None, None
        try:
            result = work()
        except Exception as error:
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await done
