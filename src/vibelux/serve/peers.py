"""Where a request comes from: this machine or elsewhere, our own page or a stranger's."""

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

_RELAYED = ("forwarded", "via", "x-real-ip")


def address(connection: HTTPConnection) -> str:
    """The peer's address as the socket knows it; headers are not believed."""
    return connection.client.host if connection.client else ""


def is_local(connection: HTTPConnection) -> bool:
    """Whether somebody on this machine asks, directly and under a loopback name.

    The name in `Host` guards against DNS rebinding: a stranger's page whose name was turned to 127.0.0.1
    reaches us from the local browser, but with the stranger's name. A header of a proxy means that the
    peer is only the last of several.
    """
    headers = connection.headers
    if any(name in _RELAYED or name.startswith("x-forwarded") for name in headers):
        return False
    hosts = headers.getlist("host")
    return len(hosts) == 1 and _is_loopback(address(connection)) and _names_loopback(hosts[0])


def is_own_origin(connection: HTTPConnection, allowed: frozenset[str]) -> bool:
    """Whether a browser's `Origin` is the page we served, or one that the operator allows. False without one."""
    origins = connection.headers.getlist("origin")
    hosts = connection.headers.getlist("host")
    if len(origins) != 1 or len(hosts) != 1:
        return False
    if origins[0] in allowed:
        return True
    parts = urlsplit(origins[0])
    if parts.scheme not in {"http", "https"} or origins[0] != f"{parts.scheme}://{parts.netloc}":
        return False
    return parts.netloc.casefold() == hosts[0].casefold() and "@" not in parts.netloc


@lru_cache(maxsize=1024)
def _is_loopback(text: str) -> bool:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


@lru_cache(maxsize=1024)
def _names_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return "@" not in host and (name == "localhost" or _is_loopback(name))
