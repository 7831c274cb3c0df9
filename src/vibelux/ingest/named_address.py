"""Addresses that users name, such as webhooks and forecasts: a request goes only where it may.

The name is looked up once, every address that it has is judged, and the connection goes to a judged one, so that a
name which points elsewhere a moment later gains nothing. Redirects are not followed.
"""

import ipaddress
import socket
from asyncio import get_running_loop
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from vibelux.market.errors import ConfigError, Unreachable

_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LookUp = Callable[[str, int], Awaitable[Sequence[str]]]
"""From host and port to all its addresses."""


def is_public(address: Address) -> bool:
    """Whether an address is everybody's: no network of one's own, this machine, or one that hides such a one.

    >>> [is_public(ipaddress.ip_address(one)) for one in ("93.184.215.14", "10.0.0.1", "::ffff:127.0.0.1", "::1")]
    [True, False, False, False]
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast


async def looked_up(host: str, port: int) -> Sequence[str]:
    """All addresses of a name, by the machine's own resolver."""
    found = await get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(frozen=True, slots=True)
class Way:
    """How a request gets to one judged address: what httpx2 needs beside method and content."""

    url: str
    headers: dict[str, str]
    extensions: dict[str, Any]


async def ways(url: str, *, what: str, allow_private: bool, setting: str, look_up: LookUp = looked_up) -> Sequence[Way]:
    """The ways to an address, one for each number that its name has.

    Args:
        url: https, or, where private addresses are allowed, http.
        what: what it is (`the webhook`), for errors, which hold nothing of the address: it may be a secret.
        allow_private: whether it may be in one's own network or on this machine.
        setting: which setting allows that.
        look_up: who knows the addresses of names.

    Raises:
        ConfigError: it must not go there.
        Unreachable: the name is not known.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not allow_private:
        raise ConfigError(f"{what} in the open network has to be https")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = await look_up(parts.hostname or "", port)
    except OSError as error:
        raise Unreachable(f"{what}: its name cannot be looked up") from error
    addresses = [ipaddress.ip_address(one.partition("%")[0]) for one in found]
    if not allow_private and not all(map(is_public, addresses)):
        raise ConfigError(f"{what} is in a private network or on this machine; {setting}=true allows it")

    def way(address: Address) -> Way:
        literal = f"[{address}]" if address.version == 6 else str(address)
        target = urlunsplit((parts.scheme, f"{literal}:{port}", parts.path or "/", parts.query, ""))
        return Way(target, {"Host": parts.netloc.rpartition("@")[2]}, {"sni_hostname": parts.hostname})

    return [way(address) for address in addresses]
