"""What can go wrong between a client and the service, sorted by what the caller can do."""

from collections.abc import Mapping


class ClientError(Exception):
    """Root of the client's errors; its text is the service's own words where it said any."""


class Unreachable(ClientError):
    """No answer: the service is away, or the way to it. Ask again later."""


class Refused(ClientError):
    """The service said no. `status` is its HTTP status or, on the live stream, the close code less 4000."""

    def __init__(self, words: str, *, status: int, retry_after_seconds: float | None = None) -> None:
        super().__init__(words)
        self.status = status
        self.retry_after_seconds = retry_after_seconds


class Unauthorized(Refused):
    """The key is unknown, has expired or was revoked."""


class Forbidden(Refused):
    """The key is good, but its scopes do not allow this."""


class NotFound(Refused):
    """Unknown, or not the key's own; the service does not tell these apart."""


class TooMany(Refused):
    """Too much was asked; `retry_after_seconds` is the service's own word."""


_BY_STATUS: Mapping[int, type[Refused]] = {401: Unauthorized, 403: Forbidden, 404: NotFound, 429: TooMany}


def refused(status: int, words: str, retry_after_seconds: float | None = None) -> Refused:
    """The error of a status."""
    return _BY_STATUS.get(status, Refused)(words, status=status, retry_after_seconds=retry_after_seconds)
