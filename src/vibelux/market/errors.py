"""Every error that Vibelux raises on purpose: a small closed tree, sorted by what the caller can do."""

from collections.abc import Sequence
from datetime import datetime


class VibeluxError(Exception):
    """Root of the tree. Its text is one sentence for a person; `exit_code` is the command line's."""

    exit_code = 1


class UsageError(VibeluxError):
    """The caller asked for something that does not exist or makes no sense. Mend the call."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration or facility file is wrong; the text names file, line and key."""


class Conflict(VibeluxError):
    """The call makes sense, but not with what there is now: the thing is over, or another's."""


class StoreUnavailable(VibeluxError):
    """The database is away or refuses. Wait or mend it; nothing already stored is lost."""


class TimeRefused(VibeluxError):
    """A market-local time cannot be turned into UTC without guessing (repeated or skipped hour, no zone)."""


class FeedError(VibeluxError):
    """An upstream did not give what its feed promises. `outcome` labels metrics."""

    outcome = "failed"


class Unreachable(FeedError):
    """No usable HTTP reply: connection, TLS, timeout, or a status that promises nothing. Ask again later."""

    outcome = "unreachable"

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Throttled(FeedError):
    """The upstream asks for patience. `retry_after_seconds` is its own word, None when it gave none."""

    outcome = "throttled"

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class AccessDenied(FeedError):
    """A key is missing, wrong or not entitled. Set the key that the text names."""

    outcome = "denied"


class NotYetPublished(FeedError):
    """A good answer without the interval that was due. Ask again soon; `expected_at` if known (UTC)."""

    outcome = "not_yet_published"

    def __init__(self, message: str, *, expected_at: datetime | None = None) -> None:
        super().__init__(message)
        self.expected_at = expected_at


class UpstreamError(FeedError):
    """The upstream answered with an error document of its own. `code` and the text are upstream's."""

    outcome = "upstream_error"

    def __init__(self, message: str, *, code: str = "", retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable


class SchemaChanged(FeedError):
    """Columns, elements or fields are not those that the feed declares. The parser needs a human."""

    outcome = "schema_changed"

    def __init__(self, message: str, *, missing: Sequence[str] = (), extra: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.missing = tuple(missing)
        self.extra = tuple(extra)


class Corrupt(FeedError):
    """The bytes are not what they claim to be: truncated zip, HTML for CSV, malformed XML."""

    outcome = "corrupt"


class TooLarge(Corrupt):
    """A payload beyond the bounds on size, ratio, depth or number of members: refused unread."""

    outcome = "too_large"


class CircuitOpen(FeedError):
    """The service failed so often that it is left alone until `retry_at` (UTC)."""

    outcome = "circuit_open"

    def __init__(self, message: str, *, retry_at: datetime) -> None:
        super().__init__(message)
        self.retry_at = retry_at


def closed_tree() -> dict[str, type[VibeluxError]]:
    """All errors by name, for documentation and tests."""
    found: dict[str, type[VibeluxError]] = {}
    queue: list[type[VibeluxError]] = [VibeluxError]
    while queue:
        error = queue.pop()
        found[error.__name__] = error
        queue.extend(error.__subclasses__())
    return found
