"""Where a request really goes: stand-ins for a provider, and redirects that may be followed."""

import ipaddress
from urllib.parse import urljoin, urlsplit, urlunsplit

from vibelux.market.errors import Unreachable


def rebased(url: str, base: str | None) -> str:
    """The URL below another base: scheme and host replaced, the base's path put before its own, query kept."""
    if base is None:
        return url
    there, asked = urlsplit(base), urlsplit(url)
    return urlunsplit((there.scheme, there.netloc, there.path.rstrip("/") + asked.path, asked.query, ""))


def is_loopback(url: str) -> bool:
    """Whether the host is this machine itself."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def redirected(url: str, location: str, base: str | None) -> str:
    """Where a redirect leads.

    Args:
        url: what was asked, as sent.
        location: upstream's answer, absolute or relative.
        base: the provider's stand-in, if it has one; a redirect never leads past it.

    Raises:
        Unreachable: it leads to another host without TLS, or nowhere.
    """
    target = urljoin(url, location)
    here, there = urlsplit(url), urlsplit(target)
    same_place = (here.scheme, here.netloc) == (there.scheme, there.netloc)
    if not same_place and base is not None:
        return rebased(target, base)
    if there.hostname is None or not (same_place or there.scheme == "https"):
        raise Unreachable(f"{here.hostname}: a redirect to {there.scheme}://{there.netloc} is not followed", status=302)
    return target
